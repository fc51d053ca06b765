"""StyleCLIP by a mapper: a small network, trained for one change, tells what to add to the latents of any picture.

Source: Patashnik et al. 2021 (arXiv:2103.17249), section 5; :mod:`misen.recipes.train_mapper` trains.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import torch

from misen.core.errors import InputError
from misen.core.shapes import Points
from misen.editing.methods.latents import FromLatents, pivot
from misen.editing.methods.method import Beginning, Edit, Need
from misen.editing.methods.options import Between
from misen.editing.methods.prompt_to_prompt import Words
from misen.editing.styleclip import movable
from misen.nn import weights
from misen.nn.latent_mapper import LatentMapper
from misen.synthesis import Resume


@dataclass(frozen=True)
class StyleCLIPMapper(FromLatents):
    """Makes the change that a mapper was trained for, at once.

    Attributes:
        adapter: the folder that a run of the recipe ``mapper`` left.
        share: of what it adds; 0 keeps the picture, and below the opposite is made.
    """

    name: ClassVar[str] = "styleclip-mapper"

    adapter: Annotated[str, Words()] = ""
    share: Annotated[float, Between(-4, 4)] = 1.0

    def check(self, given: Set[Need]) -> None:
        """Refuse to change a picture by nothing."""
        super().check(given)
        if not self.adapter:
            hint = "name the folder that `misen train` left, as in styleclip-mapper:adapter=runs/smile/adapter"
            raise InputError("method styleclip-mapper needs an adapter", field="method", hint=hint)

    def begin(self, edit: Edit) -> Beginning:
        """The latents with what is added to them; nothing is left to walk.

        Raises:
            Unreachable: the model has no latents, or no encoder of pictures.
            NotFoundError: there is no adapter.
            ModelFileError: the adapter is malformed, or made for other latents.
        """
        mapper = opened(Path(self.adapter))
        generator, state = pivot(edit, self.search, self.tune)
        moved = movable(state)
        added = _added(mapper.to(moved.value.device), moved.value)
        return Beginning(generator, Resume(moved.at(moved.value + self.share * edit.strength * added), 0.0))


def opened(folder: Path) -> LatentMapper:
    """The mapper in a folder; raises ``NotFoundError`` or ``ModelFileError``."""
    mapper = LatentMapper(int(weights.read_card(folder).get("width", 0)))
    weights.load(mapper, folder)
    return mapper.eval().requires_grad_(False)


@torch.no_grad()
def _added(mapper: LatentMapper, point: Points) -> Points:
    if point.ndim != 3 or point.shape[2] != mapper.width:
        hint = "name a model that makes pictures of such latents"
        raise InputError(f"the mapper was trained on latents of {mapper.width} numbers", field="method", hint=hint)
    added: Points = mapper(point)
    return added
