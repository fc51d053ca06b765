"""What an observer learns from: one loss per head, each on what can be seen."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor
from torch.nn import functional

from misen.core.shapes import Maps, PerItem, Points, Scalar, Vectors
from misen.nn.contrastive import info_nce, similarities
from misen.perception.reading import Reading
from misen.scene.anatomy import CLASSES
from misen.scene.attributes import ATTRIBUTES
from misen.scene.truth import Truth

IMPORTANCE: Mapping[str, float] = {
    "attributes": 3.0, "segmentation": 1.0, "landmarks": 1.0, "visible": 0.2, "camera": 2.0, "facing": 0.2,
    "depth": 5.0, "identity": 0.2, "expression": 1.0,
}  # fmt: skip
TEMPERATURE = 0.1
FRONT, BACK = math.radians(60), math.radians(120)


def observer_losses(reading: Reading, truth: Truth, exemplars: Float[Tensor, "exemplars 64"]) -> dict[str, Scalar]:
    """Every term for a batch of B readings.

    Args:
        reading: of the B pictures.
        truth: of the same pictures.
        exemplars: (E, 64) identities read from the exemplars of the first E <= B.
    """
    seen, record = truth.observation, truth.record
    facing = facing_of(record.camera[:, 0])
    return {
        "attributes": attribute_loss(reading.attributes, record.attributes, seen.attributes_visible),
        "segmentation": _segmentation(reading.segmentation, seen.segmentation),
        "landmarks": _where(seen.landmarks_visible, 10 * (reading.landmarks - seen.landmarks).abs().sum(dim=2)),
        "visible": functional.binary_cross_entropy_with_logits(
            reading.landmarks_visible, seen.landmarks_visible.float()
        ),
        "camera": _camera(reading.camera, record.camera[:, :3]),
        "facing": functional.cross_entropy(reading.facing, facing),
        "depth": functional.l1_loss(reading.depth, seen.depth),
        "identity": info_nce(similarities(reading.identity[: len(exemplars)], exemplars, 1 / TEMPERATURE)),
        "expression": _where(facing == 0, (reading.expression - record.expression).abs().mean(dim=1)),
    }


def attribute_loss(
    logits: Float[Tensor, "batch values"], values: Int[Tensor, "batch 16"], visible: Bool[Tensor, "batch 16"]
) -> Scalar:
    """Mean cross-entropy of each attribute over the avatars that show it, averaged over the attributes.

    Args:
        logits: (B, ONE_HOT_WIDTH), one block per attribute.
        values: (B, 16) int64.
        visible: (B, 16) bool.
    """
    blocks = logits.float().split([len(attribute) for attribute in ATTRIBUTES], dim=1)
    losses = [
        functional.cross_entropy(block, values[:, column], reduction="none") for column, block in enumerate(blocks)
    ]
    seen = visible.float()
    return ((torch.stack(losses, dim=1) * seen).sum(dim=0) / seen.sum(dim=0).clamp(min=1)).mean()


def facing_of(yaw: PerItem) -> Int[Tensor, " batch"]:
    """(B,) radians -> (B,) int64: 0 front, 1 side, 2 back."""
    turned = wrapped(yaw).abs()
    return (turned >= FRONT).long() + (turned > BACK).long()


def wrapped(angle: Points) -> Points:
    """The same angle in [-pi, pi]."""
    return torch.atan2(angle.sin(), angle.cos())


def _where(mask: Tensor, values: Tensor) -> Tensor:
    """Mean of the values where the mask is True; 0 if it is nowhere."""
    return (values * mask).sum() / mask.sum().clamp(min=1)


def _segmentation(logits: Maps, classes: UInt8[Tensor, "batch rows columns"]) -> Scalar:
    """Cross-entropy plus one minus the mean Dice overlap of the classes.

    Source: Milletari et al. 2016 (arXiv:1606.04797), equation 3; deviation: sums run over the batch, not one picture.
    """
    log_probability = functional.log_softmax(logits.float(), dim=1)
    target = classes.long()
    right = -functional.nll_loss(log_probability, target, reduction="none")
    zero = right.new_zeros(len(CLASSES))
    overlap = zero.index_add(0, target.flatten(), right.exp().flatten())
    total = log_probability.exp().sum(dim=(0, 2, 3)) + target.flatten().bincount(minlength=len(CLASSES))
    dice = (2 * overlap + 1) / (total + 1)
    return 1 - right.mean() - dice.mean()


def _camera(read: Vectors, true: Vectors) -> Scalar:
    return functional.smooth_l1_loss(wrapped(read - true), torch.zeros_like(true), beta=0.05)
