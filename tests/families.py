"""Every generator and sampler the batteries run on: toy families, and the models that ship."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from misen import assembly
from misen.core.generator import Generator, Sampler
from toys import TOYS

SHIPPED = [assembly.model_name(f) for f in assembly.model_folders() if "family" in assembly.read_card(f)]
STEPS = 4


@cache
def opened(name: str) -> assembly.Opened:
    return assembly.open_model(name)


def generator(name: str) -> Generator:
    """A toy, or a model that ships."""
    return TOYS[name][0]() if name in TOYS else opened(name).generator


def samplers(name: str) -> dict[str, Callable[[int], Sampler]]:
    """From a number of steps to a sampler, by name."""
    return {name: TOYS[name][1]} if name in TOYS else dict(opened(name).samplers)


GENERATORS = [*TOYS, *SHIPPED]
"""Names."""
