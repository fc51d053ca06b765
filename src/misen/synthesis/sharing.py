"""Sharing: one picture, mask or signal for all seeds, or one for each."""

from __future__ import annotations

from torch import Tensor

from misen.core.errors import InputError
from misen.core.seeding import Streams


def share(picture: Tensor, rng: Streams, name: str) -> Tensor:
    """One picture (or mask) per seed, on the right device.

    Args:
        picture: (1, ...) or (B, ...) for B seeds.
        rng: the streams, one per seed.
        name: what to call it in an error.

    Raises:
        InputError: when it has neither one item nor B.
    """
    return picture.to(rng.device).repeat_interleave(repeats(len(picture), rng, name), 0)


def repeats(length: int, rng: Streams, name: str) -> int:
    """How often each of ``length`` items is used; raises as :func:`share`."""
    if length not in (1, len(rng)):
        raise InputError(f"{name} has {length} items for {len(rng)} pictures; give one, or one per picture", field=name)
    return len(rng) // length
