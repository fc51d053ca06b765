"""Boxes and centres of parts painted by hand."""

from __future__ import annotations

import torch

from misen.scene.anatomy import CLASSES
from misen.scene.layout import LABELS, PARTS, boxes, centers, part_masks


def painted(**areas: tuple[int, int, int, int]) -> torch.Tensor:
    """(1, 64, 64) class ids with x0, y0, x1, y1 rectangles of classes."""
    picture = torch.zeros(1, 64, 64, dtype=torch.uint8)
    for name, (x0, y0, x1, y1) in areas.items():
        picture[0, y0:y1, x0:x1] = CLASSES.index(name.replace("_", " "))
    return picture


def test_every_class_but_the_background_has_a_label() -> None:
    assert {name for classes in PARTS.values() for name in classes} == set(CLASSES) - {"background"}


def test_box_edges() -> None:
    corners, present = boxes(painted(hat=(16, 8, 48, 16)))
    hat = LABELS.index("hat")
    assert corners[0, hat].tolist() == [16 / 64, 8 / 64, 48 / 64, 16 / 64]
    assert present[0].nonzero().flatten().tolist() == [hat]
    assert not corners[~present].any()


def test_a_label_joins_its_classes() -> None:
    corners, _ = boxes(painted(eye=(10, 20, 20, 24), iris=(40, 20, 44, 24)))
    assert corners[0, LABELS.index("eyes")].tolist() == [10 / 64, 20 / 64, 44 / 64, 24 / 64]


def test_few_pixels_are_not_present_at_any_size() -> None:
    small = painted(earring=(0, 0, 5, 1))
    assert not boxes(small).present.any()
    assert boxes(painted(earring=(0, 0, 6, 1))).present.any()
    assert not boxes(small.repeat_interleave(2, 1).repeat_interleave(2, 2)).present.any()


def test_centers_are_centroids() -> None:
    center = centers(painted(nose=(30, 30, 34, 40)))
    assert center[0, LABELS.index("nose")].tolist() == [0.5, 35 / 64]


def test_a_batch_is_its_items() -> None:
    pictures = torch.cat([painted(hat=(1, 1, 9, 9)), painted(shirt=(0, 50, 64, 64)), painted()])
    together = boxes(pictures)
    for item in range(3):
        alone = boxes(pictures[item : item + 1])
        assert torch.equal(together.corners[item], alone.corners[0])
        assert torch.equal(together.present[item], alone.present[0])
    assert part_masks(pictures).shape == (3, len(LABELS), 64, 64)
