"""How far the parts the coach sees are from a map."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from misen.core.energy import Disagreement
from misen.core.view import View
from misen.modalities.segmentation.signal import Segmentation
from misen.perception.senses import Look, Senses
from misen.scene.anatomy import CLASSES

TRUE = 0.25
"""What true pictures have, whose edges nobody sees to the pixel; nobody shall come nearer than they do."""


class SegmentationEnergy:
    """Cross-entropy per pixel plus the mean Dice loss of the classes present, which lets small parts count.

    Counted from what true pictures have.
    """

    def __init__(self, look: Look) -> None:
        """Look with an observer."""
        self.look = look

    def begin(self, signal: Segmentation, first: View) -> Disagreement:
        """Fix the map."""
        labels = signal.labels.long()
        wanted = functional.one_hot(labels, len(CLASSES)).movedim(-1, 1).float()

        def disagreement(view: View) -> Tensor:
            logits = self.look(view.image).segmentation.float()
            pixels = functional.cross_entropy(logits, labels, reduction="none").mean((1, 2))
            return (pixels + _dice_loss(logits.softmax(1), wanted) - TRUE).clamp_min(0)

        return disagreement


def _dice_loss(seen: Tensor, wanted: Tensor) -> Tensor:
    """(B,) of (B, C, H, W) probabilities and one-hot maps."""
    area = wanted.sum((2, 3))
    overlap = 2 * (seen * wanted).sum((2, 3)) / (seen.sum((2, 3)) + area).clamp_min(1e-6)
    return ((1 - overlap) * (area > 0)).sum(1) / (area > 0).sum(1)


def build(coach: Senses) -> SegmentationEnergy:
    """The energy of what the coach's observer sees."""
    return SegmentationEnergy(coach.observer())
