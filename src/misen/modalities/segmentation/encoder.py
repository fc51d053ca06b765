"""Maps of parts as one channel per class."""

from __future__ import annotations

from torch.nn import functional

from misen.core.condition import Condition, Layout, check_layout
from misen.modalities.segmentation.signal import Segmentation
from misen.perception.senses import Senses
from misen.scene.anatomy import CLASSES


class SegmentationEncoder:
    """Map (B, 17, 64, 64), one-hot."""

    layouts: tuple[Layout, ...] = ("map",)

    def width(self, layout: Layout) -> int:
        """One channel per class."""
        check_layout(layout, self.layouts)
        return len(CLASSES)

    def encode(self, signal: Segmentation, layout: Layout) -> Condition:
        """The one-hot map."""
        check_layout(layout, self.layouts)
        return Condition.full(layout, functional.one_hot(signal.labels.long(), len(CLASSES)).movedim(-1, 1).float())


def build(coach: Senses) -> SegmentationEncoder:
    """The encoder; it needs no network."""
    return SegmentationEncoder()
