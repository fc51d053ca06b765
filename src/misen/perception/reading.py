"""What an observer says about a batch of pictures."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from misen.core.shapes import Pyramids, Vectors
from misen.scene.attributes import ATTRIBUTES, OFFSETS


@dataclass(frozen=True)
class Reading:
    """Raw heads of an observer; everything is differentiable in the picture.

    Attributes:
        attributes: (B, ONE_HOT_WIDTH) logits, one block per attribute in table order.
        segmentation: (B, 17, 64, 64) class logits.
        landmarks: (B, 32, 2) x, y in [0, 1].
        landmarks_visible: (B, 32) logits.
        camera: (B, 3) yaw, pitch, roll in radians (yaw over the full circle).
        facing: (B, 3) logits of front (|yaw| < 60 degrees), side and back (|yaw| > 120 degrees).
        depth: (B, 1, 64, 64) in [0, 1], 1 nearest.
        identity: (B, 64) unit vectors; the cosine of two pictures says how alike their identities are.
        expression: (B, 12) coefficients along ``anatomy.EXPRESSION_AXES``.
        features: (B, 256) pooled features (the space of FID-A when the observer is the judge).
        pyramid: feature maps (B, C_l, h_l, w_l) for perceptual distances, shallow to deep.
    """

    attributes: Float[Tensor, "batch values"]
    segmentation: Float[Tensor, "batch 17 rows columns"]
    landmarks: Float[Tensor, "batch 32 2"]
    landmarks_visible: Float[Tensor, "batch 32"]
    camera: Float[Tensor, "batch 3"]
    facing: Float[Tensor, "batch 3"]
    depth: Float[Tensor, "batch 1 rows columns"]
    identity: Float[Tensor, "batch 64"]
    expression: Float[Tensor, "batch 12"]
    features: Vectors
    pyramid: Pyramids

    def log_probability(self, column: int) -> Float[Tensor, "batch values"]:
        """(B, values) log-probabilities of the attribute in ``column``."""
        start = OFFSETS[column]
        return functional.log_softmax(self.attributes[:, start : start + len(ATTRIBUTES[column])].float(), dim=1)
