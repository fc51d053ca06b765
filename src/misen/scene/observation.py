"""What can be seen of a batch of avatars: the pixel truth that the renderer returns."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from misen.core.shapes import Images, Masks


@dataclass(frozen=True)
class Observation:
    """Aligned pixel truth of B avatars at one size.

    Attributes:
        image: (B, 3, H, W) float32 in [-1, 1], anti-aliased, composited over the background.
        alpha: (B, 1, H, W) float32 in [0, 1], coverage of the avatar (1 inside, 0 on the background).
        segmentation: (B, H, W) uint8 class ids of ``anatomy.CLASSES``.
        depth: (B, 1, H, W) float32 in [0, 1]: 1 nearest, 0 the background; linear in distance along the view axis.
        normals: (B, 3, H, W) float32 unit normals in camera space (x right, y up, z to the viewer), 0 outside.
        surface: (B, 3, H, W) float32 canonical surface coordinates, equal for the same point of the same avatar in
            every view and expression; 0 on the background.
        part: (B, H, W) uint8 primitive id + 1 of the visible surface, 0 on the background; with ``surface`` it
            identifies a physical point.
        landmarks: (B, 32, 2) float32 x, y in [0, 1], (0, 0) top left; may lie outside the picture.
        landmarks_visible: (B, 32) bool: inside the picture and not hidden behind another surface.
        attributes_visible: (B, 16) bool: at least 6 pixels (at 64 px) show the attribute's value.
    """

    image: Images
    alpha: Masks
    segmentation: UInt8[Tensor, "batch height width"]
    depth: Masks
    normals: Images
    surface: Images
    part: UInt8[Tensor, "batch height width"]
    landmarks: Float[Tensor, "batch 32 2"]
    landmarks_visible: Bool[Tensor, "batch 32"]
    attributes_visible: Bool[Tensor, "batch 16"]

    def __len__(self) -> int:
        return int(self.image.shape[0])

    @staticmethod
    def cat(observations: list[Observation]) -> Observation:
        """One batch from several of the same size."""
        names = [field.name for field in fields(Observation)]
        return Observation(**{name: torch.cat([getattr(o, name) for o in observations]) for name in names})
