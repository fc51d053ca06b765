"""TediGAN: the latents of the picture, found in the domain of their encoder, are told by words or maps what to become.

Source: Xia et al. 2021 (arXiv:2012.03308), section 3, and Zhu et al. 2020 (arXiv:2004.00049), section 3.2, for the
search; deviation: how much of each layer and direction is told is learned, and windows and strengths can narrow it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

from misen.core.errors import Unreachable
from misen.editing.methods.latents import FromLatents, pivot
from misen.editing.methods.method import Beginning, Edit
from misen.editing.methods.options import Between
from misen.inversion.likeness import USUAL
from misen.synthesis import Resume


@dataclass(frozen=True)
class TediGAN(FromLatents):
    """Changes what is told, at once, and keeps the other latents of the picture.

    Attributes:
        domain: weight of the squared distance between the latents and what the encoder sees in the picture they make;
            the larger, the better they can be changed, and the worse they make the picture.
    """

    name: ClassVar[str] = "tedigan"

    domain: Annotated[float, Between(0, 100)] = 2.0

    def begin(self, edit: Edit) -> Beginning:
        """The latents, from which the walk is taken whole; strength 0 takes none.

        Raises:
            Unreachable: nothing is told by way of latents, or the model has none, or no encoder of pictures.
        """
        if not any(decision.route == "native" for decision in edit.plan.decisions):
            hint = "use a model with an alignment, or `--method invert`, which takes the route of energies"
            raise Unreachable("nothing that is wished has a place in latents", field="method", hint=hint)
        generator, state = pivot(edit, self.search, self.tune, replace(USUAL, domain=self.domain))
        return Beginning(generator, Resume(state, float(edit.strength > 0)))
