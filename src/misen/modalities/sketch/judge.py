"""Whether the lines the judge sees are the drawn ones."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from misen.modalities.sketch.signal import Sketch
from misen.perception.senses import Look, Senses
from misen.scene.sketching import lines

TOLERANCE = 2
"""Distance in pixels up to which two lines match."""
INK = 0.5
"""Darkness from which a pixel belongs to a line."""


class SketchJudge:
    """F1 of given lines and lines derived from what is seen; NaN for an empty drawing."""

    metric = "F1 at 2 px between given lines and lines derived from segmentation and depth"
    unit = ""
    higher_is_better = True

    def __init__(self, look: Look) -> None:
        """Look with the judging observer."""
        self.look = look

    @torch.no_grad()
    def score(self, images: Tensor, signal: Sketch) -> Tensor:
        """(B,) F1."""
        reading = self.look(images)
        seen = lines(reading.segmentation.argmax(1), reading.depth) > INK
        wanted = signal.ink > INK
        precision, recall = _near(seen, wanted).nan_to_num(0.0), _near(wanted, seen)
        return torch.where(recall == 0, 0.0, 2 * precision * recall / (precision + recall))


def _near(drawn: Tensor, reference: Tensor) -> Tensor:
    """(B,) share of ``drawn`` (B, 1, H, W) within the tolerance of ``reference``; NaN if nothing is drawn."""
    offsets = torch.arange(-TOLERANCE, TOLERANCE + 1, device=drawn.device)
    disc = (offsets[:, None] ** 2 + offsets**2 <= TOLERANCE**2).float()[None, None]
    close = functional.conv2d(reference.float(), disc, padding=TOLERANCE) > 0
    return (drawn & close).sum((1, 2, 3)) / drawn.sum((1, 2, 3))


def build(judge: Senses) -> SketchJudge:
    """The judge with its observer."""
    return SketchJudge(judge.observer())
