"""Latents: where edits begin by models that make pictures of latents, and walk among them: at those of the picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated

from misen.core.generator import Annealing, Generator, State
from misen.editing.methods.method import Edit, Method
from misen.editing.methods.options import Whole
from misen.inversion import Inversion, optimize, tune_pivot, unpack
from misen.inversion.likeness import USUAL, Weights
from misen.inversion.pivot import changed

SEARCH = 100
"""Updates of latents, from what the encoder tells."""


@dataclass(frozen=True)
class FromLatents(Method):
    """Begins at the latents of the picture.

    Attributes:
        search: updates of the latents that the encoder tells.
        tune: updates of a copy of the network, which learns to make the picture of them; what is rare needs some.
    """

    search: Annotated[int, Whole(0, 10_000)] = SEARCH
    tune: Annotated[int, Whole(0, 10_000)] = 0

    def besides(self, edit: Edit) -> Mapping[str, int]:
        """The search, and the tuning."""
        return effort(edit, self.search, self.tune)


def walks(edit: Edit) -> bool:
    """Whether an edit is made by a model that walks among latents."""
    return isinstance(edit.sampler, Annealing)


def effort(edit: Edit, search: int, tune: int) -> Mapping[str, int]:
    """The evaluations by what they are for; nothing for latents that have been kept."""
    costs = {} if edit.kept else {"the latents": search, "the network": tune}
    return {what: count for what, count in costs.items() if count}


def kept(edit: Edit) -> tuple[Generator, State]:
    """What a state file holds: who answers from now on, and the state."""
    return unpack(edit.generator, {name: tensor.to(edit.device) for name, tensor in edit.kept.items()})


def pivot(edit: Edit, search: int, tune: int, weights: Weights = USUAL) -> tuple[Generator, State]:
    """Who answers from now on, and the state that shows the picture: as has been kept, or found now.

    Args:
        edit: of the picture.
        search: updates of the latents that the encoder tells.
        tune: updates of a copy of the network.
        weights: of what the search is for.

    Raises:
        Unreachable: the model has no latents, or no encoder of pictures, or its network cannot be tuned.
    """
    if edit.kept:
        return kept(edit)
    found = edit.learned(partial(_found, edit, search, tune, weights), "latents", search, tune, weights)
    return changed(edit.generator, found.network), found.state


def _found(edit: Edit, search: int, tune: int, weights: Weights) -> Inversion:
    bare = replace(edit.plan, decisions=(), negatives=(), known=None)
    generator, image = edit.generator, edit.canvas.image
    found = optimize(
        generator, edit.sampler, bare, image, begin="encoder", steps=search, weights=weights, device=edit.device
    )
    if not tune:
        return found
    return tune_pivot(generator, edit.sampler, bare, image, found, steps=tune, device=edit.device)
