"""The reference: moments of the first test renders, features of the next ones, and of naive pictures."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from misen.metrics.fid import Moments, frechet_distance
from misen.metrics.grader import Grader
from misen.recipes import build_reference
from misen.scene.attributes import ONE_HOT_WIDTH
from misen.scene.record import Record
from misen.scene.splits import TEST


def paint(record: Record) -> Tensor:
    """A flat picture in three shades of the identity, lit from one side."""
    shades = (record.identity[:, :3, None, None] / 3).expand(-1, -1, 16, 16)
    return (shades * torch.linspace(0.5, 1, 16)).clamp(-1, 1)


def look(images: Tensor) -> SimpleNamespace:
    features = functional.adaptive_avg_pool2d(images, 2).flatten(1)
    kinds = torch.zeros(len(images), ONE_HOT_WIDTH)
    return SimpleNamespace(features=features, pyramid=(images,), log_probability=lambda column: kinds)


def test_reference_of_a_toy_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build_reference, "render", paint)
    grader = Grader("toy@0", SimpleNamespace(observer=lambda: look))
    monkeypatch.setattr(build_reference, "SIZES", (20, 50, 100))
    reference = build_reference.build_reference(grader, count=400, kept=50)
    assert reference.extractor == "toy@0"
    last = paint(TEST.records(400, 50))
    assert torch.equal(reference.real, look(last).features)
    assert torch.equal(reference.texture[:, :3], last.flatten(2).mean(dim=2))
    expected = Moments.of(look(paint(TEST.records(0, 400))).features)
    assert frechet_distance(reference.moments, expected) == pytest.approx(0, abs=1e-6)
    assert reference.naive.shape == (50, 12)
    assert frechet_distance(reference.moments, Moments.of(reference.naive)) < 0.2
    facts = build_reference.facts(reference)
    assert list(facts["fid_a_naive"]) == ["20", "50"]
    assert facts["fid_a_real_vs_real"]["50"] < facts["fid_a_real_vs_real"]["20"]
