from __future__ import annotations

import pytest

from misen.cli.adapters import adapter, adapters, raw
from misen.cli.options import Sampling
from misen.core.adapter import Adapter
from misen.core.errors import InputError


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("lora.safetensors", Adapter("lora.safetensors")),
        ("lora.safetensors:strength=0.7", Adapter("lora.safetensors", strength=0.7)),
        ("owner/name:modality=depth", Adapter("owner/name", modality="depth")),
        ("a:b:modality=sketch,start=0.1,end=0.5", Adapter("a:b", modality="sketch", window=(0.1, 0.5))),
        ("control:modality=depth,raw=true", Adapter("control", modality="depth", raw=True)),
        ("odd:rank=4", Adapter("odd:rank=4")),
    ],
)
def test_a_path_and_its_options(argument, expected):
    assert adapter(argument) == expected


@pytest.mark.parametrize(
    ("suffix", "complaint"),
    [
        ("strength=much", "strength of --adapter must be a number, got 'much'"),
        ("start=0.5,end=0.2", "window must satisfy"),
        ("raw=yes", "raw must be true or false, got 'yes'"),
        ("modality=", "is not key=value"),
    ],
)
def test_senseless_options_are_refused(suffix, complaint):
    with pytest.raises(InputError, match=complaint):
        adapter(f"control:{suffix}")


def test_several_are_added_in_order():
    assert [one.path for one in Sampling(adapter=["a", "b:strength=2"]).adapters()] == ["a", "b"]
    assert Sampling().adapters() == []


def test_modalities_of_raw_adapters_are_told():
    added = adapters(["a:modality=sketch", "b:modality=depth,raw=true", "style.safetensors"])
    assert raw(added) == {"depth"}
