"""Boxes: one per part, inside the picture, the right way round."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from misen.core.errors import FormatError, InputError, LimitError
from misen.modalities.layout.encoder import LayoutEncoder
from misen.modalities.layout.judge import box_iou
from misen.modalities.layout.signal import Layout
from misen.scene.layout import LABELS, boxes

GLASSES = {"label": "glasses", "box": [0.25, 0.375, 0.75, 0.5]}


def test_a_file_opens_as_an_option_does(tmp_path: Path) -> None:
    path = tmp_path / "boxes.json"
    path.write_text(json.dumps([GLASSES]))
    signal = Layout.parse(str(path))
    assert signal.to_json() == [{"boxes": [GLASSES]}]
    assert signal.describe() == ["boxes of glasses"]


@pytest.mark.parametrize(
    ("items", "words"),
    [
        ([GLASSES, {"label": "hat", "box": [0.5, 0, 0.4, 1]}], "box 1 is empty or turned over: [0.5, 0, 0.4, 1]"),
        ([{"label": "hat", "box": [0.5, 0, 1.4, 1]}], "box 0 must have corners from 0 to 1, got [0.5, 0, 1.4, 1]"),
        ([{"label": "hat", "box": [0.5, float("nan"), 0.9, 0.2]}], "box 0 must have corners from 0 to 1"),
        ([{"label": "hat", "box": [0.5, 0.1]}], "box 0 must be [x0, y0, x1, y1], got [0.5, 0.1]"),
        ([{"label": "glases", "box": [0, 0, 1, 1]}], "there is no part 'glases'. did you mean 'glasses'?"),
        ([GLASSES, GLASSES], "box 1: 'glasses' is given twice"),
        ([{"box": [0, 0, 1, 1]}], "box 0 has no label or no corners"),
        ([3], "box 0 has no label or no corners: 3"),
        ("hat", "a layout must be a list of boxes, got str"),
    ],
)
def test_mistakes_are_named_with_their_place(items: object, words: str) -> None:
    with pytest.raises(InputError) as caught:
        Layout(items)
    assert words in str(caught.value)


def test_too_many_boxes_are_refused_with_the_maximum() -> None:
    with pytest.raises(LimitError, match=r"10,000 boxes; the limit is 13"):
        Layout([GLASSES] * 10_000)


def test_items_must_hold_boxes() -> None:
    with pytest.raises(FormatError):
        Layout.from_json([[GLASSES]])


def test_boxes_are_those_of_the_segmentation(truth) -> None:
    signal = Layout.observe(truth, torch.arange(len(truth)))
    corners, present = boxes(truth.observation.segmentation)
    assert not (signal.given & ~present).any()
    assert torch.equal(signal.corners[signal.given], corners[signal.given])
    assert (signal.given == present).all(1).any()


def test_maps_show_boxes_with_soft_edges_and_outlines() -> None:
    condition = LayoutEncoder().encode(Layout([{"label": "hat", "box": [0.0, 0.0, 10.5 / 64, 0.25]}]), "map")
    hat, outlines = condition.value[0, LABELS.index("hat")], condition.value[0, -1]
    assert hat[3, 9] == 1
    assert hat[3, 10] == 0.5
    assert hat.sum() == 16 * 10.5
    assert outlines[3, 5] == 0
    assert outlines[3, 9:11].gt(0).all()


def test_an_item_without_boxes_is_null() -> None:
    signal = Layout.from_json([{"boxes": []}, {"boxes": [GLASSES]}])
    for layout in ("map", "tokens"):
        assert LayoutEncoder().encode(signal, layout).present.tolist() == [False, True]


def test_overlap_of_boxes() -> None:
    unit = torch.tensor([0.0, 0.0, 0.5, 0.5])
    others = torch.tensor([[0.0, 0.0, 0.5, 0.5], [0.25, 0.0, 0.75, 0.5], [0.5, 0.5, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0]])
    assert torch.allclose(box_iou(unit, others), torch.tensor([1.0, 1 / 3, 0.0, 0.0]))
