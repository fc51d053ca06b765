"""Checks of plain arguments before any work: what was given, what is accepted, what to do."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import torch

from misen.core.errors import InputError, brief
from misen.core.seeding import SEED_LIMIT, check_seed

STEPS_LIMIT = 1000
SCALE_LIMIT = 1000.0
COUNT_LIMIT = 10_000
SIDE_LIMIT = 2048


def whole(value: object, name: str, low: int, high: int) -> int:
    """``value`` as an int in [low, high]; booleans, floats and digits in quotes are refused."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise InputError(f"{name} must be a whole number from {low} to {high}, got {brief(value)}", field=name)
    return value


def real(value: object, name: str, low: float, high: float) -> float:
    """``value`` as a float in [low, high]; booleans and NaN are refused."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise InputError(f"{name} must be a number from {low:g} to {high:g}, got {brief(value)}", field=name)
    return float(value)


def one_of(value: object, name: str, accepted: Sequence[object]) -> None:
    """Refuse ``value`` unless it is among ``accepted``."""
    if isinstance(value, bool) or value not in accepted:
        raise InputError(f"{name} must be one of {', '.join(map(str, accepted))}, got {brief(value)}", field=name)


def side(value: object, name: str, size: int, step: int | None = None) -> int:
    """``value`` if it is a side length a model makes: ``size``, or any multiple of ``step`` if it has one."""
    if step is not None:
        return _multiple(value, name, step)
    if isinstance(value, bool) or value != size:
        raise InputError(
            f"{name} must be {size}, got {brief(value)}",
            field=name,
            hint=f"this model makes pictures of {size} x {size} only (allowed range {size} to {size}, step {size})",
        )
    return size


def square(width: int, height: int) -> None:
    """Refuse pictures that are not square."""
    if width != height:
        raise InputError(f"pictures are square, got {width} x {height}", field="height", hint="make both the same")


def _multiple(value: object, name: str, step: int) -> int:
    high = SIDE_LIMIT - SIDE_LIMIT % step
    if isinstance(value, bool) or not isinstance(value, int) or value % step or not step <= value <= high:
        hint = f"allowed range {step} to {high}, step {step}"
        raise InputError(f"{name} must be a multiple of {step}, got {brief(value)}", field=name, hint=hint)
    return value


def seeds(seed: int | Sequence[int] | None, count: int | None) -> tuple[int, ...]:
    """One seed per picture: the given ones, or consecutive ones from the given or a drawn first."""
    if isinstance(seed, list | tuple):
        if count not in (None, len(seed)) or not seed:
            wanted = "at least one picture" if count is None else f"{count} pictures"
            raise InputError(f"{len(seed)} seeds were given for {wanted}", field="seed", hint="give one per picture")
        return tuple(check_seed(one) for one in seed)
    first = secrets.randbelow(2**32) if seed is None else check_seed(seed)
    number = whole(1 if count is None else count, "num_images", 1, COUNT_LIMIT)
    if first + number > SEED_LIMIT:
        raise InputError(f"seed must leave room for {number} pictures below 2**63, got {first}", field="seed")
    return tuple(range(first, first + number))


def shared(length: int, name: str, count: int) -> None:
    """Refuse signals of which ``count`` pictures share neither one nor have one each."""
    if length not in (1, count):
        hint = "give one for all, or one per picture"
        raise InputError(f"{name} has {length} items for {count} pictures", field=name, hint=hint)


def device(name: str) -> str:
    """``name`` if PyTorch can compute there."""
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError, TypeError):  # PyTorch without CUDA asserts that it has CUDA
        hint = "cpu works everywhere; cuda needs an accelerator and a PyTorch made for it"
        raise InputError(f"device {brief(name)} cannot be used here", field="device", hint=hint) from None
    return name
