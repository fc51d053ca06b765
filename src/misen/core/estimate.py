"""The second waist: where a generator thinks the image is going, as a point of a linear space."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from misen.core.shapes import Points
from misen.core.view import View


@dataclass(frozen=True)
class Estimate:
    """A point and the differentiable decoder that shows it.

    Attributes:
        point: (B, ...) in the family's linear space, so that affine sums with weights adding to one make sense.
        view: decodes any such point; maps, cameras and fixed tokens are bound inside it.
        guess: (B, ...) the point that the generator itself foresaw, where energies have moved it since. What noise is
            in a state is told by it.
    """

    point: Points
    view: Callable[[Points], View]
    guess: Points | None = None

    def at(self, point: Points) -> Estimate:
        """The same decoder at another point."""
        return replace(self, point=point)
