"""Inversion: find where the picture would have come from, and go from there under the wishes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, ClassVar

from misen.core.errors import InputError
from misen.core.generator import answering
from misen.editing.methods.latents import SEARCH, effort, kept, pivot, walks
from misen.editing.methods.method import WAY_BACK, Beginning, Edit, Method, Need
from misen.editing.methods.options import Between, Whole
from misen.editing.methods.prompt_to_prompt import Worded, Words
from misen.inversion import Inversion, NullText, invert
from misen.inversion.reverse import REFINEMENTS
from misen.synthesis import Plan, Resume
from misen.synthesis.plan import cost
from misen.synthesis.schedule import truncate


@dataclass(frozen=True)
class Invert(Method):
    """Keeps what the noise says that the picture would be made from, which is more than any noise put on it would.

    Models that make a picture of latents begin at those; there is no source of them, no scale and no way back.

    Attributes:
        source: what the picture shows, in words; nothing guides the way back if left out.
        scale: what strength 1 of the source stands for on the way back; the larger, the worse the picture is kept.
        refinements: of each step back.
        search: updates of the latents that the encoder tells.
        tune: updates of a copy of the network, which learns to make the picture of them.
    """

    name: ClassVar[str] = "invert"

    source: Annotated[str, Words()] = ""
    scale: Annotated[float, Between(0, 100)] = 1.0
    refinements: Annotated[int, Whole(0, 64)] = REFINEMENTS
    search: Annotated[int, Whole(0, 10_000)] = SEARCH
    tune: Annotated[int, Whole(0, 10_000)] = 0

    @property
    def way_back(self) -> int:
        """Many steps."""
        return WAY_BACK

    def check(self, given: Set[Need]) -> None:
        """Refuse a source also where there are no words to take its place."""
        super().check(given)
        if self.source and "words" not in given:
            hint = "say what the picture shall show"
            raise InputError("a source is changed to other words, and there are none", field="method", hint=hint)

    def besides(self, edit: Edit) -> Mapping[str, int]:
        """The way back, and forth again to see where it leads; or the search for latents."""
        if walks(edit):
            return effort(edit, self.search, self.tune)
        asked, _ = cost(self._way(edit), edit.sampler)
        return {} if goes_on(edit) else {"the way back": (2 + self.refinements) * asked}

    def begin(self, edit: Edit) -> Beginning:
        """The state on the way back, or of latents, from which as much of the walk is left as the strength says.

        Raises:
            InputError: there is a source, and no words to take its place.
            Unreachable: there is no way back from the picture, and there are no latents.
        """
        if walks(edit):
            generator, state = pivot(edit, self.search, self.tune)
            return Beginning(generator, Resume(state, edit.strength))
        return beginning(edit, partial(invert, plan=self._way(edit), refinements=self.refinements))

    def _way(self, edit: Edit) -> Plan:
        """The plan of the way back."""
        return replace(way_back(edit.plan, self.source), scale=self.scale)


def goes_on(edit: Edit) -> bool:
    """Whether an edit begins with what a state file holds."""
    return bool(edit.kept) and edit.strength == 1


def beginning(edit: Edit, find: Callable[..., Inversion]) -> Beginning:
    """Where an edit begins that goes on from what ``find`` finds, or from what has been kept of it."""
    if goes_on(edit):
        generator, state = kept(edit)
        return Beginning(generator, Resume(state))
    found = find(edit.generator, edit.sampler, image=edit.canvas.image, device=edit.device)
    levels = edit.sampler.levels(guided=edit.plan.guided)
    state = found.trajectory[len(levels) - len(truncate(levels, edit.strength))]
    null_text = NullText(edit.generator, found.nulls)
    generator = answering(edit.generator, null_text.predict, contrast=False) if found.nulls else edit.generator
    return Beginning(generator, Resume(state, edit.strength))


def way_back(plan: Plan, source: str) -> Plan:
    """The plan of the way back: ``source`` in place of the words that are wished, or nothing if it is empty.

    Raises:
        InputError: there is a source, and not one prompt that it could take the place of.
    """
    bare = replace(plan, decisions=(), negatives=(), known=None)
    if not source:
        return bare
    spoken = [one for one in plan.decisions if one.port and isinstance(one.guidance.signal, Worded)]
    if len(spoken) != 1:
        hint = "wish for words by the native route, or leave the source out"
        raise InputError("a source takes the place of one prompt", field="method", hint=hint)
    [decision] = spoken
    signal = type(decision.guidance.signal).parse(source)
    return replace(bare, decisions=(replace(decision, guidance=replace(decision.guidance, signal=signal)),))
