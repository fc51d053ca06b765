"""What captions rule out, as tensors, so that a batch of captions meets a batch of avatars in one product."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

from misen.scene.attributes import ATTRIBUTES, BY_KEY, COLUMN, OFFSETS, ONE_HOT_WIDTH
from misen.scene.language.caption import Caption, Mention
from misen.scene.language.grammar import view_side

VIEWS = ("front", "left", "right", "behind")
WIDTH = ONE_HOT_WIDTH + len(VIEWS)
"""Columns of everything a caption can rule out: the attributes' values in table order, then the views."""


def ruled_out(captions: Sequence[Caption]) -> Bool[Tensor, "captions values"]:
    """(B, WIDTH) bool: the values that cannot be if the caption is true; nothing where it says nothing."""
    denied = torch.zeros(len(captions), WIDTH, dtype=torch.bool)
    for row, caption in zip(denied, captions, strict=True):
        for mention in caption.mentions:
            _rule_out(row, mention)
        if caption.view is not None:
            row[ONE_HOT_WIDTH:] = torch.tensor([view != caption.view for view in VIEWS])
    return denied


def _rule_out(row: Tensor, mention: Mention) -> None:
    start, attribute = OFFSETS[COLUMN[mention.key]], BY_KEY[mention.key]
    at = start + attribute.index(mention.value)
    if mention.negated:
        row[at] = True
    else:
        kept = row[at].clone()
        row[start : start + len(attribute)] = True
        row[at] = kept


def shown(
    attributes: Int[Tensor, "avatars 16"], visible: Bool[Tensor, "avatars 16"], yaw: Float[Tensor, " avatars"]
) -> Bool[Tensor, "avatars values"]:
    """(N, WIDTH) bool: the visible values of N avatars, from (N, 16) indices, (N, 16) bool and (N,) radians."""
    values = [
        functional.one_hot(attributes[:, column], len(attribute)).bool() & visible[:, column, None]
        for column, attribute in enumerate(ATTRIBUTES)
    ]
    sides = [view_side(angle) for angle in yaw.tolist()]
    views = torch.tensor([[side == view for view in VIEWS] for side in sides])
    return torch.cat([*values, views], dim=1)


def false_of(
    denied: Bool[Tensor, "captions values"], present: Bool[Tensor, "avatars values"]
) -> Bool[Tensor, "captions avatars"]:
    """(B, N) bool: whether caption b claims something of avatar n that can be seen to be false."""
    return denied.float() @ present.float().T > 0
