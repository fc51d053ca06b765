"""Inpainting: repaint what the mask leaves white, and hold the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from misen.editing.canvas import Canvas
from misen.editing.methods.method import Method, Need
from misen.synthesis import Constraint


@dataclass(frozen=True)
class Inpaint(Method):
    """Keeps every pixel where the mask is black."""

    name: ClassVar[str] = "inpaint"
    needs: ClassVar[frozenset[Need]] = frozenset({"picture", "mask"})

    def known(self, canvas: Canvas) -> Constraint | None:
        """What the mask leaves black."""
        return canvas.known
