"""Drag: what is at some points of the picture is pulled to others, and everything else comes along as it likes.

Source: Pan et al. 2023, DragGAN (arXiv:2305.10973), section 3.2, for latents; Shi et al. 2023, DragDiffusion
(arXiv:2306.14435), section 3.3, for noise, with this deviation: what is foreseen is moved at each step, not one state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

from misen.core.generator import Reversible
from misen.core.guidance import Guidance
from misen.core.signal import Bounded
from misen.editing.canvas import Canvas
from misen.editing.methods.invert import beginning, way_back
from misen.editing.methods.latents import FromLatents, pivot, walks
from misen.editing.methods.method import WAY_BACK, Beginning, Edit, Need
from misen.inversion import invert
from misen.inversion.reverse import REFINEMENTS
from misen.synthesis import Resume
from misen.synthesis.plan import cost


@dataclass(frozen=True)
class Drag(FromLatents):
    """Begins at the latents of the picture, or half of the way back to its noise; a mask says what may change.

    Among latents the walk is taken whole, as it leads no farther than the points are dragged; strength 0 takes none.
    """

    name: ClassVar[str] = "drag"
    usual_strength: ClassVar[float] = 0.5

    @property
    def way_back(self) -> int:
        """Many steps, where there is noise to go back to."""
        return WAY_BACK

    def check(self, given: Set[Need]) -> None:
        """A mask may be given."""
        super().check(given - {"mask"})

    def heard(self, guidances: Sequence[Guidance], canvas: Canvas) -> Sequence[Guidance]:
        """Wishes that can be told where the picture may change are told the mask."""
        return guidances if canvas.mask is None else [_within(guidance, canvas) for guidance in guidances]

    def besides(self, edit: Edit) -> Mapping[str, int]:
        """The search for latents, or the way back, and forth again to see where it leads."""
        if walks(edit):
            return super().besides(edit)
        if not isinstance(edit.sampler, Reversible):
            return {}
        asked, _ = cost(way_back(edit.plan, ""), edit.sampler)
        return {"the way back": (2 + REFINEMENTS) * asked}

    def begin(self, edit: Edit) -> Beginning:
        """At latents, on the way back where there is one, else at the picture under noise."""
        if walks(edit):
            generator, state = pivot(edit, self.search, self.tune)
            return Beginning(generator, Resume(state, float(edit.strength > 0)))
        if isinstance(edit.sampler, Reversible):
            return beginning(edit, partial(invert, plan=way_back(edit.plan, "")))
        return super().begin(edit)


def _within(guidance: Guidance, canvas: Canvas) -> Guidance:
    signal = guidance.signal
    if not isinstance(signal, Bounded) or canvas.mask is None:
        return guidance
    return replace(guidance, signal=signal.within(canvas.mask))
