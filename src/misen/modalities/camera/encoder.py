"""A view as one vector of sines, cosines and scaled lengths."""

from __future__ import annotations

import torch

from misen.core.condition import Condition, Layout, check_layout
from misen.modalities.camera.signal import ANGLES, Camera
from misen.perception.senses import Senses
from misen.scene.sampling import DISTANCE, DISTANCE_SPREAD, FIELD, FIELD_SPREAD


class CameraEncoder:
    """Vector (B, 8): sine and cosine of yaw, pitch and roll; distance and field of view in units of their spread."""

    layouts: tuple[Layout, ...] = ("vector",)

    def width(self, layout: Layout) -> int:
        """Two numbers per angle and two lengths."""
        check_layout(layout, self.layouts)
        return 2 * ANGLES + 2

    def encode(self, signal: Camera, layout: Layout) -> Condition:
        """The vector."""
        check_layout(layout, self.layouts)
        angles, distance, focal = signal.pose[:, :ANGLES], signal.pose[:, 3:4], signal.pose[:, 4:5]
        lengths = (distance - DISTANCE) / DISTANCE_SPREAD, (distance / focal - FIELD) / FIELD_SPREAD
        return Condition.full(layout, torch.cat((angles.sin(), angles.cos(), *lengths), dim=1))


def build(coach: Senses) -> CameraEncoder:
    """The encoder; it needs no network."""
    return CameraEncoder()
