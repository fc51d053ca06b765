"""Inpainting: repaint what the mask leaves white, and hold the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from misen.core.generator import Repainting
from misen.editing.canvas import Canvas
from misen.editing.methods.method import Beginning, Edit, Method, Need
from misen.synthesis import Constraint


@dataclass(frozen=True)
class Inpaint(Method):
    """Keeps every pixel where the mask is black."""

    name: ClassVar[str] = "inpaint"
    needs: ClassVar[frozenset[Need]] = frozenset({"picture", "mask"})

    def known(self, canvas: Canvas) -> Constraint | None:
        """What the mask leaves black."""
        return canvas.known

    def begin(self, edit: Edit) -> Beginning:
        """As any method; a generator that was trained to repaint sees what it is to keep."""
        beginning, canvas = super().begin(edit), edit.canvas
        if not isinstance(beginning.generator, Repainting) or canvas.mask is None:
            return beginning
        return Beginning(beginning.generator.around(canvas.image, canvas.mask), beginning.start)
