"""How good an observer or a joint embedding is on pictures whose truth is known."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from misen.core.shapes import Images, Masks, PerItem, Vectors
from misen.perception.claims import false_of, ruled_out, shown
from misen.perception.figures import Figure, correlation, mean, ratio
from misen.perception.objective import FRONT, facing_of, wrapped
from misen.perception.reading import Reading
from misen.perception.senses import JointEmbedding, Look
from misen.scene.anatomy import CLASSES, EXPRESSION_AXES
from misen.scene.attributes import ATTRIBUTES, KEYS
from misen.scene.language.caption import Caption
from misen.scene.truth import Truth

DISTRACTORS = 99
Counts = dict[str, tuple[Tensor, Tensor]]
"""Per figure, what counts for it and out of how much, per picture: two tensors (B, K)."""


@torch.no_grad()
def grade_observer(observer: Look, truths: Iterable[Truth], look: Callable[[Images], Images]) -> dict[str, Figure]:
    """Every head's figure on the pictures of ``truths``, seen through ``look``.

    Returns:
        ``attributes`` (visible ones, mean of the keys) and ``attributes.<key>``; ``segmentation`` mean IoU of the
        classes; ``landmarks`` mean error of the visible ones in pixels at 64; ``yaw``, ``pitch``, ``roll`` in degrees
        where the yaw is within 60; ``facing`` accuracy; ``depth`` correlation inside the head; ``openness``
        correlation and ``expression`` mean error of frontal faces; ``identity`` AUC against other avatars' exemplars.
    """
    counts, identities, exemplars, openness = [], [], [], []
    for truth in truths:
        reading = observer(look(truth.observation.image))
        counts.append(_counts(reading, truth))
        identities.append(reading.identity)
        exemplars.append(observer(look(truth.exemplar)).identity)
        openness.append(_openness(reading, truth))
    total = {name: [torch.cat(parts) for parts in zip(*(c[name] for c in counts), strict=True)] for name in counts[0]}
    figures = {name: ratio(part, whole) for name, (part, whole) in total.items()}
    right, visible = total["attributes"]
    for column, key in enumerate(KEYS):
        figures[f"attributes.{key}"] = ratio(right[:, column, None], visible[:, column, None])
    figures["openness"] = correlation(*torch.cat(openness).T)
    figures["identity"] = mean(_auc(torch.cat(identities), torch.cat(exemplars)))
    return figures


def _counts(reading: Reading, truth: Truth) -> Counts:
    seen, record = truth.observation, truth.record
    facing = facing_of(record.camera[:, 0])
    front = (wrapped(record.camera[:, 0]).abs() <= FRONT)[:, None]
    degrees = torch.rad2deg(wrapped(reading.camera - record.camera[:, :3]).abs())
    angles = {name: (degrees[:, axis, None] * front, front) for axis, name in enumerate(("yaw", "pitch", "roll"))}
    error = 64 * torch.linalg.vector_norm(reading.landmarks - seen.landmarks, dim=2)
    every = torch.ones(len(truth), 1)
    return {
        "attributes": (_right(reading, truth), seen.attributes_visible),
        "segmentation": _overlap(reading.segmentation.argmax(dim=1), seen.segmentation.long()),
        "landmarks": _pooled(error, seen.landmarks_visible),
        **angles,
        "facing": ((reading.facing.argmax(dim=1) == facing)[:, None], every),
        "depth": (_depth_correlation(reading.depth, seen.depth, seen.alpha)[:, None], every),
        "expression": ((reading.expression - record.expression).abs().mean(dim=1, keepdim=True) * front, front),
    }


def _right(reading: Reading, truth: Truth) -> Bool[Tensor, "batch 16"]:
    """(B, 16) bool: visible attributes that are read correctly."""
    read = [reading.log_probability(column).argmax(dim=1) for column in range(len(ATTRIBUTES))]
    return (torch.stack(read, dim=1) == truth.record.attributes) & truth.observation.attributes_visible


def _overlap(read: Tensor, true: Tensor) -> tuple[Tensor, Tensor]:
    """(B, 17) intersections and unions in pixels, of class maps (B, h, w)."""
    masks = [(read == index, true == index) for index in range(len(CLASSES))]
    both = torch.stack([(a & b).sum(dim=(1, 2)) for a, b in masks], dim=1)
    either = torch.stack([(a | b).sum(dim=(1, 2)) for a, b in masks], dim=1)
    return both, either


def _pooled(values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    return (values * mask).sum(dim=1, keepdim=True), mask.sum(dim=1, keepdim=True)


def _depth_correlation(read: Masks, true: Masks, alpha: Masks) -> PerItem:
    """(B,) Pearson correlations where the avatar covers the picture."""
    inside = (alpha > 0.5).float()
    area = inside.sum(dim=(1, 2, 3), keepdim=True).clamp(min=1)
    read, true = ((map_ - (map_ * inside).sum(dim=(1, 2, 3), keepdim=True) / area) * inside for map_ in (read, true))
    return torch.nn.functional.cosine_similarity(read.flatten(1), true.flatten(1))


def _openness(reading: Reading, truth: Truth) -> Float[Tensor, "frontal 2"]:
    """(F, 2) read and true jaw opening of the frontal faces."""
    column = EXPRESSION_AXES.index("jaw open")
    front = facing_of(truth.record.camera[:, 0]) == 0
    return torch.stack([reading.expression[front, column], truth.record.expression[front, column]], dim=1)


def _auc(identities: Vectors, exemplars: Vectors) -> PerItem:
    """(N,) share of the other avatars' exemplars that are less like each picture than its own exemplar."""
    likeness = identities @ exemplars.T
    own = likeness.diagonal()[:, None]
    return (likeness < own).sum(dim=1) / (len(likeness) - 1)


@torch.no_grad()
def grade_joint(
    joint: JointEmbedding, truths: Sequence[Truth], captions: Mapping[str, Sequence[Caption]]
) -> dict[str, Figure]:
    """R@1 and R@5 of the right picture among 100, for each named list of captions, one caption per avatar.

    The 99 others are drawn from the avatars of which the caption is false.
    """
    present = torch.cat(
        [shown(t.record.attributes, t.observation.attributes_visible, t.record.camera[:, 0]) for t in truths]
    )
    images = torch.cat([joint.image(truth.observation.image) for truth in truths])
    figures: dict[str, Figure] = {}
    for name, listed in captions.items():
        rank = _ranks(_embed(joint, listed) @ images.T, false_of(ruled_out(listed), present))
        figures |= {f"{name}.r@{k}": mean((rank < k).double()) for k in (1, 5)}
    return figures


def _embed(joint: JointEmbedding, captions: Sequence[Caption]) -> Tensor:
    sentences = [caption.text for caption in captions]
    return torch.cat([joint.text(sentences[start : start + 100]) for start in range(0, len(sentences), 100)])


def _ranks(likeness: Tensor, false: Tensor) -> Tensor:
    """(N,) how many of up to 99 false pictures, drawn at random, are at least as likely as the right one."""
    draw = torch.rand(likeness.shape, generator=torch.Generator().manual_seed(0)).masked_fill(~false, math.inf)
    chosen = draw.argsort(dim=1)[:, :DISTRACTORS]
    at_least = likeness >= likeness.diagonal()[:, None]
    return (at_least & false).gather(1, chosen).sum(dim=1)
