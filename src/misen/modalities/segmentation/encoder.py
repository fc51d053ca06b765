"""Maps of parts as one channel per class."""

from __future__ import annotations

import torch

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
        labels = signal.labels.long()[:, None]
        channels = torch.zeros(len(signal), len(CLASSES), *labels.shape[-2:], device=labels.device)
        return Condition.full(layout, channels.scatter_(1, labels, 1.0))


def build(coach: Senses) -> SegmentationEncoder:
    """The encoder; it needs no network."""
    return SegmentationEncoder()
