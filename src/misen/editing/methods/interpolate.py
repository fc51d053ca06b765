"""Interpolation: a picture of what lies between two others in the joint embedding.

Source: Ramesh et al. 2022 (arXiv:2204.06125), section 3.2; deviation: the noise is the seed's, whatever the share.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, ClassVar

from misen.core.errors import InputError
from misen.core.image import to_bytes
from misen.editing.canvas import Canvas
from misen.editing.methods.method import Beginning, Edit, Method, Need
from misen.editing.methods.options import Between
from misen.editing.places import extrapolations, placing, show, slerp
from misen.media import png
from misen.media.picture import color, open_picture
from misen.perception.senses import SIZE

STORED = "png:"
"""Before a picture that is written out as text."""


@dataclass(frozen=True)
class Picture:
    """The path of a picture, or the picture itself as text, which is what a recipe keeps; or nothing."""

    def read(self, given: object) -> str:
        """The picture at 64 pixels as text, ``png:...``; raises what opening pictures raises."""
        if not isinstance(given, str):
            raise ValueError("the path of a picture")
        if given == "" or given.startswith(STORED):
            return given
        canvas = Canvas.fit(color(open_picture(given, "other")), None, SIZE)
        return STORED + png.to_text(to_bytes(canvas.image)[0].numpy())

    def abbreviate(self, value: str) -> str:
        """By how the digest of the text begins: ``picture 1a2b3c4d``."""
        return f"picture {sha256(value.encode()).hexdigest()[:8]}" if value else ""


@dataclass(frozen=True)
class Interpolate(Method):
    """Goes from the picture to another by what they show, not by their pixels.

    Attributes:
        other: the other picture.
        share: of the way to it.
    """

    name: ClassVar[str] = "interpolate"

    other: Annotated[str, Picture()] = ""
    share: Annotated[float, Between(0, 1)] = 0.5

    def check(self, given: Set[Need]) -> None:
        """Refuse to go where there is nothing."""
        super().check(given)
        if not self.other:
            hint = "give the other one, as in interpolate:other=b.png"
            raise InputError("method interpolate needs two pictures", field="method", hint=hint)

    def besides(self, edit: Edit) -> Mapping[str, int]:
        """Guidance to the place."""
        return extrapolations(edit.plan, edit.sampler)

    def begin(self, edit: Edit) -> Beginning:
        """From noise at strength 1; raises ``Unreachable`` if the generator cannot be told places."""
        device = edit.device
        ends = [edit.canvas.image, color(png.from_text({"png": self.other.removeprefix(STORED)}, "other"))]
        first, second = (placing(edit.generator).place(end.to(device)) for end in ends)
        between = slerp(first, second, self.share)
        return Beginning(show(edit.generator, between, edit.plan), edit.canvas.start(edit.strength))
