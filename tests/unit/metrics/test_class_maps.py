"""Class maps: accuracy and overlap by hand."""

from __future__ import annotations

import pytest
import torch

from misen.metrics.class_maps import Agreement, confusion, mean_iou, pixel_accuracy


def test_by_hand() -> None:
    wanted, seen = torch.tensor([[0, 0, 1], [1, 1, 2]]), torch.tensor([[0, 1, 1], [1, 0, 2]])
    counts = confusion(seen, wanted, classes=5)
    assert counts[:3, :3].tolist() == [[1, 1, 0], [1, 2, 0], [0, 0, 1]]
    assert pixel_accuracy(counts) == pytest.approx(4 / 6)
    assert mean_iou(counts) == pytest.approx((1 / 3 + 2 / 4 + 1) / 3)
    found = Agreement.of(counts, ("skin", "hair", "hat", "glasses", "beard"))
    assert (found.pixel_accuracy, found.mean_iou) == (pixel_accuracy(counts), mean_iou(counts))
    assert found.iou == pytest.approx({"skin": 1 / 3, "hair": 2 / 4, "hat": 1.0})
