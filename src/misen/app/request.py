"""One order for pictures, complete and checked; what a recipe stores and a model fulfils."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from torch import Tensor

from misen.assembly import WORDS
from misen.core.execution import Execution
from misen.core.guidance import Guidance, Route
from misen.core.seeding import derive
from misen.core.signal import Signal
from misen.editing.canvas import Canvas
from misen.editing.methods.method import Method, Need


@dataclass(frozen=True)
class Request:
    """What to make, and how.

    Attributes:
        guidances: the wishes.
        negatives: signals to push away.
        seeds: one per picture.
        height: of the pictures, in pixels.
        width: of the pictures, in pixels.
        canvas: the picture to change, or None to make one from noise.
        method: how the canvas is changed.
        strength: of the edit, in [0, 1]; 0 keeps the canvas, 1 ignores it.
        sampler: name of one of the family's samplers.
        steps: length of the whole walk.
        scale: the guidance scale that strength 1 of a guidance stands for.
        cache_interval: the whole network is asked in one of how many predictions.
        execution: how networks are run; None as usual, the same to the last bit everywhere.
        reason: why networks are run so, for a person; empty where nobody asked for more speed.
        kept: what a state file holds of the canvas's inversion; nothing if there was none.
        tries: candidates of each picture, of which the one that agrees most with its wishes is kept.
    """

    guidances: tuple[Guidance, ...]
    negatives: tuple[Signal, ...]
    seeds: tuple[int, ...]
    height: int
    width: int
    canvas: Canvas | None
    method: Method
    strength: float
    sampler: str
    steps: int
    scale: float
    cache_interval: int = 1
    execution: Execution | None = None
    reason: str = ""
    kept: Mapping[str, Tensor] = field(default_factory=dict, repr=False)
    tries: int = 1

    def part(self, pictures: slice) -> Request:
        """The same order for some of its pictures."""
        return replace(
            self,
            guidances=tuple(replace(g, signal=self._share(g.signal, pictures)) for g in self.guidances),
            negatives=tuple(self._share(signal, pictures) for signal in self.negatives),
            seeds=self.seeds[pictures],
        )

    def parts(self, size: int) -> Sequence[Request]:
        """The order in parts of at most ``size`` pictures."""
        return [self.part(slice(first, first + size)) for first in range(0, len(self.seeds), size)]

    def candidates(self, picture: int) -> Request:
        """The order for the candidates of one of its pictures, of which the first has the picture's own seed."""
        one = self.part(slice(picture, picture + 1))
        [seed] = one.seeds
        further = (derive(seed, f"candidate/{number}") for number in range(1, self.tries))
        return replace(one, seeds=(seed, *further), tries=1)

    def routed(self, routes: Iterable[Route]) -> Request:
        """The same order, each of its guidances bound to the route it takes."""
        bound = zip(self.guidances, routes, strict=True)
        return replace(self, guidances=tuple(replace(wish, route=route) for wish, route in bound))

    def _share(self, signal: Signal, pictures: slice) -> Signal:
        return signal if len(signal) == 1 else signal[pictures]


def provided(guidances: Iterable[Guidance], *, picture: bool, mask: bool) -> set[Need]:
    """What there is of what a method of editing may need."""
    words = any(guidance.modality == WORDS for guidance in guidances)
    there: dict[Need, bool] = {"picture": picture, "mask": mask, "words": words}
    return {need for need, is_there in there.items() if is_there}
