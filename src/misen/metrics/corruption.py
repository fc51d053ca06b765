"""Known corruptions in six levels each, from none to grave, with which metrics are tested.

A ladder starts from records rather than pictures, so that besides pixels it can spoil what is shown: wrong traits,
missing modes, turned heads, repeated people.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from misen.metrics.inception_score import TYPE
from misen.scene.attributes import BY_KEY, COLUMN
from misen.scene.record import Record
from misen.scene.renderer import render


@dataclass(frozen=True)
class Ladder:
    """One corruption.

    Attributes:
        levels: six amounts, rising; the first is none.
        corrupt: pictures (B, 3, 64, 64) in [-1, 1] of B avatars, spoiled by an amount.
    """

    levels: tuple[float, ...]
    corrupt: Callable[[Record, float], Tensor]


def _draws() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def add_noise(record: Record, amount: float) -> Tensor:
    """Gaussian noise of standard deviation ``amount``."""
    images = render(record)
    return (images + amount * torch.randn(images.shape, generator=_draws())).clamp(-1, 1)


def blur(record: Record, radius: float) -> Tensor:
    """Averages over squares that reach ``radius`` pixels from each pixel."""
    reach = int(radius)
    return functional.avg_pool2d(render(record), 2 * reach + 1, 1, reach, count_include_pad=False)


def swap_traits(record: Record, share: float) -> Tensor:
    """Each trait is another avatar's with a chance of ``share``; every trait stays as frequent as it was."""
    wrong = torch.rand(record.attributes.shape, generator=_draws()) < share
    return render(replace(record, attributes=torch.where(wrong, record.attributes.roll(1, 0), record.attributes)))


def drop_modes(record: Record, share: float) -> Tensor:
    """Of the avatar types, ``share`` never occur; their avatars become one of the types that are left."""
    columns, sizes = [COLUMN[key] for key in TYPE], [len(BY_KEY[key]) for key in TYPE]
    first, second = record.attributes[:, columns].T
    kept = round(sizes[0] * sizes[1] * (1 - share))
    mode = (first * sizes[1] + second) % kept
    attributes = record.attributes.clone()
    attributes[:, columns] = torch.stack([mode // sizes[1], mode % sizes[1]], dim=1)
    return render(replace(record, attributes=attributes))


def jitter_pose(record: Record, spread: float) -> Tensor:
    """Heads turned and tilted by random angles of standard deviation ``spread`` radians."""
    camera = record.camera.clone()
    camera[:, :3] += spread * torch.randn(len(record), 3, generator=_draws())
    return render(replace(record, camera=camera))


def repeat(record: Record, share: float) -> Tensor:
    """The first ``share`` of the pictures all show the first avatar."""
    index = torch.arange(len(record))
    return render(record)[torch.where(index < share * len(record), 0, index)]


LADDERS: Mapping[str, Ladder] = {
    "noise": Ladder((0, 0.1, 0.2, 0.35, 0.55, 0.8), add_noise),
    "faint noise": Ladder((0, 0.04, 0.07, 0.1, 0.13, 0.16), add_noise),
    "blur": Ladder((0, 1, 2, 3, 5, 8), blur),
    "wrong traits": Ladder((0, 0.1, 0.2, 0.35, 0.55, 0.8), swap_traits),
    "dropped modes": Ladder((0, 0.1, 0.3, 0.5, 0.7, 0.9), drop_modes),
    "pose jitter": Ladder((0, 0.1, 0.2, 0.35, 0.55, 0.8), jitter_pose),
    "repetition": Ladder((0, 0.1, 0.25, 0.45, 0.7, 0.95), repeat),
}
