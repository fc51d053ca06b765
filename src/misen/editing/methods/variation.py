"""Variation: another picture that shows the same, as far as the joint embedding can tell.

Source: Ramesh et al. 2022 (arXiv:2204.06125), section 3.1; deviation: all of the noise is drawn anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from misen.editing.methods.method import Beginning, Edit, Method
from misen.editing.places import extrapolations, placing, show


@dataclass(frozen=True)
class Variation(Method):
    """Keeps the place of the picture; what that leaves open is made anew."""

    name: ClassVar[str] = "variation"

    def besides(self, edit: Edit) -> Mapping[str, int]:
        """Guidance to the place."""
        return extrapolations(edit.plan, edit.sampler)

    def begin(self, edit: Edit) -> Beginning:
        """From noise at strength 1; raises ``Unreachable`` if the generator cannot be told places."""
        place = placing(edit.generator).place(edit.canvas.image.to(edit.device))
        return Beginning(show(edit.generator, place, edit.plan), edit.canvas.start(edit.strength))
