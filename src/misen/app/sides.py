"""Sides: how large pictures a model makes, by itself and with an upscaler after it."""

from __future__ import annotations

from functools import cached_property

from misen import assembly
from misen.app import checks
from misen.core.generator import Generator, Sizable


class Sides:
    """The sizes of the pictures of a generator.

    Args:
        generator: makes pictures.
        device: where it is, and where an upscaler goes.
    """

    def __init__(self, generator: Generator, device: str) -> None:
        self.generator, self.device = generator, device

    @cached_property
    def upscaler(self) -> assembly.OpenedUpscaler | None:
        """What makes the pictures larger; None where nothing installed takes them."""
        found = assembly.open_upscaler(self.device)
        return found if found is not None and found.upscaler.small == self.generator.size else None

    def checked(self, height: int | None, width: int | None) -> tuple[int, int]:
        """Height and width in pixels: the given ones if pictures like that can be made, or the generator's own."""
        step = self.generator.side_step if isinstance(self.generator, Sizable) else None
        columns, rows = self._side(width, "width", step), self._side(height, "height", step)
        if step is None:
            checks.square(columns, rows)
        return rows, columns

    def made(self, height: int, width: int) -> tuple[int, int]:
        """Of what size the generator makes pictures that end up in this one: its own, where an upscaler follows.

        A square that the upscaler makes is one large picture, also where the generator could fill it with smaller ones.
        """
        own = (self.generator.size, self.generator.size)
        if not isinstance(self.generator, Sizable) or (height, width) == own:
            return own
        return own if height == width and self._enlarges(height) else (height, width)

    def above(self, height: int, width: int) -> assembly.OpenedUpscaler | None:
        """What goes over pictures once they are made; None where the generator makes this size."""
        return None if self.made(height, width) == (height, width) else self.upscaler

    def _enlarges(self, side: int) -> bool:
        """Whether the upscaler makes squares of this size."""
        return self.upscaler is not None and self.upscaler.upscaler.size == side

    def _side(self, given: int | None, name: str, step: int | None) -> int:
        """A side length; the upscaler is looked for only where it is needed."""
        size = self.generator.size
        if given is None or given == size:
            return size
        if step is None and self.upscaler is not None:
            checks.one_of(given, name, (size, self.upscaler.upscaler.size))
            return int(given)
        return checks.side(given, name, size, step)
