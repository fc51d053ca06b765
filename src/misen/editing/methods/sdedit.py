"""SDEdit: begin from the picture with noise on it, and walk on from there.

Source: Meng et al. 2021, SDEdit (arXiv:2108.01073), algorithm 1; deviation: any sampler takes the place of the SDE's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from misen.core.errors import InputError
from misen.editing.methods.method import Beginning, Edit, Method


@dataclass(frozen=True)
class SDEdit(Method):
    """Keeps what the strength leaves recognisable under the noise; begins as any method does."""

    name: ClassVar[str] = "sdedit"
    usual_strength: ClassVar[float] = 0.6

    def begin(self, edit: Edit) -> Beginning:
        """The picture under noise; raises ``InputError`` where what is wished is done in one step, or not at all."""
        if edit.plan.steps == 1 and edit.plan.decisions and 0 < edit.strength < 1:
            hint = "give strength 1, or for models that make pictures of latents `--method tedigan`"
            message = f"a walk of one step has no part that a strength of {edit.strength:g} would leave"
            raise InputError(message, field="strength", hint=hint)
        return super().begin(edit)
