"""ILVR: new details for what is coarse about a picture.

Source: Choi et al. 2021, ILVR (arXiv:2108.02938), algorithm 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from misen.editing.canvas import Canvas
from misen.editing.methods.method import Method
from misen.editing.methods.options import Fraction, OneOf
from misen.synthesis import Constraint, LowPass


@dataclass(frozen=True)
class ILVR(Method):
    """Keeps what is coarser than some pixels, and lets everything finer be made anew.

    Attributes:
        factor: how many pixels; at least twice those of a cell of the model's latents.
        until: how long in the walk; below 1 the last steps may drift away.
    """

    name: ClassVar[str] = "ilvr"

    factor: Annotated[int, OneOf((2, 4, 8, 16, 32))] = 8
    until: Annotated[float, Fraction()] = 1.0

    def known(self, canvas: Canvas) -> Constraint:
        """The picture, below the cut-off."""
        return LowPass(canvas.image, self.factor, self.until)
