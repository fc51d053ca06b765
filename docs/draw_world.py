"""Draws ``images/world.png``, one avatar with what is known of it and many others: ``python docs/draw_world.py``."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from misen.core.files import replace_file
from misen.core.image import to_bytes
from misen.core.registry import modalities
from misen.data.world import tell_truth
from misen.media import png
from misen.scene.renderer import render
from misen.scene.splits import TEST

TARGET = Path(__file__).parent / "images" / "world.png"
SUBJECT, LARGE, SMALL = 223, 128, 64
"""Element of the test range that is shown in detail; pixels of its views and of the others."""
PREVIEWS = ("segmentation", "depth", "landmarks")


def views() -> Tensor:
    """(8, 3, 128, 128): picture, classes, depth, landmarks, sketch, normals, surface, the same person otherwise."""
    record = TEST.records(SUBJECT, 1)
    truth = tell_truth(record, LARGE)
    signals = [modalities()[name].signal.observe(truth, record.seed).preview(LARGE) for name in PREVIEWS]
    sketch, seen = (1 - 2 * truth.sketch).expand(-1, 3, -1, -1), truth.observation
    return torch.cat([seen.image, *signals, sketch, seen.normals, seen.surface, truth.exemplar])


def sheet(pictures: Tensor, columns: int) -> Tensor:
    """(3, H, W) of (N, 3, h, w), row by row."""
    rows = pictures.unflatten(0, (-1, columns))
    return torch.cat([torch.cat([*row], dim=2) for row in rows], dim=1)


def main() -> None:
    """Draw and write."""
    crowd = render(TEST.records(224, 32), SMALL)
    picture = torch.cat([sheet(views(), 8), sheet(crowd, 16)], dim=1)
    TARGET.parent.mkdir(exist_ok=True)
    replace_file(TARGET, png.encode(to_bytes(picture[None])[0].numpy()))


if __name__ == "__main__":
    main()
