from __future__ import annotations

import shutil

import pytest
import torch
from torch import nn

from misen.core.errors import NotFoundError
from misen.nn import execution
from misen.nn.execution import compile_parts, compilers, lowered


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.SiLU(), nn.Conv2d(4, 2, 1)).requires_grad_(False)


def test_a_lowered_network_is_a_copy_near_the_other():
    exact, images = network(), torch.randn(1, 3, 8, 8)
    near = lowered(exact, "bfloat16")
    assert {p.dtype for p in near.parameters()} == {torch.bfloat16}
    assert {p.dtype for p in exact.parameters()} == {torch.float32}
    assert near[0].weight.is_contiguous(memory_format=torch.channels_last)
    assert torch.allclose(near(images.bfloat16()).float(), exact(images), atol=0.03)


def test_compilers_are_found_where_they_are(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(execution, "find_spec", lambda name: None)
    assert compilers() == ["compiled"]
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert compilers() == []
    monkeypatch.setattr(execution, "find_spec", lambda name: object())
    assert compilers() == ["openvino"]


def test_what_is_not_installed_is_refused(monkeypatch):
    monkeypatch.setattr(execution, "compilers", list)
    compile_parts([network()], "eager")
    for engine, what in (("compiled", r"a C\+\+ compiler"), ("openvino", "the package openvino")):
        with pytest.raises(NotFoundError, match=f"engine {engine} needs {what}"):
            compile_parts([network()], engine)


def test_each_part_is_compiled_with_its_weights_folded_in(monkeypatch):
    taken = []

    def compiler(graph, inputs):
        taken.append([tuple(one.shape) for one in inputs])
        return graph.forward

    monkeypatch.setattr(execution, "compilers", lambda: ["compiled"])
    monkeypatch.setattr(execution, "COMPILERS", {"compiled": {"backend": compiler, "dynamic": False}})
    plain, part, images = network(), network(), torch.randn(1, 3, 8, 8)
    compile_parts([part], "compiled")
    with torch.no_grad():
        assert torch.equal(part(images), plain(images))
    assert taken == [[(1, 3, 8, 8)]]
