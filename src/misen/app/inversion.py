"""Inverting a picture with a model, and keeping what was found."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from torch import Tensor

from misen.app.destinations import check_folder, check_free
from misen.app.recall import changing
from misen.app.recipe import Recipe
from misen.assembly import WORDS, Defaults, Opened
from misen.core.errors import InputError, ModelFileError, Unreachable, brief, closest
from misen.core.generator import Reversible
from misen.editing.methods import AUTO
from misen.editing.methods.invert import Invert
from misen.editing.methods.method import WAY_BACK, Method
from misen.editing.methods.null_text import NullText
from misen.inversion import Inversion, StateFile, invert, invert_null_text, pack
from misen.inversion.state_file import is_state_file

METHODS: Mapping[str, Callable[..., Inversion]] = {"ddim": invert, "null-text": invert_null_text}
"""``ddim`` reverses the sampler; ``null-text`` also learns the null, so that large guidance scales rebuild."""
STEPS = WAY_BACK
"""Of the walk, unless a caller says otherwise."""
SUFFIX = ".safetensors"


@dataclass(frozen=True)
class Inverted:
    """A picture inverted by a model.

    Attributes:
        inversion: the state and the way there.
        method: one of ``METHODS``.
        recipe: the walk that rebuilds the picture from the state; its canvas is the picture.
        seconds: wall time.
        opened: the model.
    """

    inversion: Inversion
    method: str
    recipe: Recipe
    seconds: float
    opened: Opened = field(repr=False)

    @property
    def state(self) -> Any:
        """At the first level of the walk."""
        return self.inversion.state

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write a state file; raises ``StorageError``, and ``InputError`` for another suffix than .safetensors."""
        path = destination(path, overwrite=overwrite)
        self.file().write(path)
        return path

    def file(self) -> StateFile:
        """What :meth:`save` writes."""
        return StateFile(
            model=self.opened.name,
            sha256=self.opened.sha256,
            method=self.method,
            recipe=self.recipe.model_dump(mode="json"),
            fidelity=self.fidelity(),
            tensors=pack(self.opened.generator, self.inversion),
        )

    def fidelity(self) -> dict[str, float]:
        """PSNR in dB: of the picture made again to the given one, to that as encoded and decoded, and of that to it."""
        found = self.inversion.fidelity
        figures = {"psnr": found.picture, "psnr_codec": found.codec, "psnr_ceiling": found.ceiling}
        values = {name: float(figure.mean()) for name, figure in figures.items()}
        return {name: value for name, value in values.items() if math.isfinite(value)}

    def report(self) -> dict[str, Any]:
        """The figures as JSON."""
        return {
            "model": self.opened.name,
            "method": self.method,
            **self.fidelity(),
            "steps": self.recipe.num_inference_steps,
            "guidance_scale": self.recipe.guidance_scale,
            "seconds": round(self.seconds, 3),
        }


@dataclass(frozen=True)
class Kept:
    """A state file, as an edit goes on from it.

    Attributes:
        method: of the inversion.
        recipe: the walk that rebuilds the picture.
        tensors: what is gone on from.
    """

    method: str
    recipe: Recipe
    tensors: Mapping[str, Tensor] = field(repr=False)

    @classmethod
    def read(cls, image: object, opened: Opened) -> Self | None:
        """The state file that ``image`` is the path of, or None for anything else; raises ``ModelFileError``."""
        if not isinstance(image, str | Path) or not is_state_file(Path(image)):
            return None
        file = StateFile.read(Path(image))
        file.require(opened.name, opened.sha256)
        recipe = Recipe.parse(json.dumps(file.recipe), Path(image).name)
        if changing(entry.adapter() for entry in recipe.adapters) != changing(opened.adapters):
            hint = "open the model with the same LoRAs and words, or invert the picture again"
            raise ModelFileError("the picture was inverted with other adapters", field="state", hint=hint)
        return cls(file.method, recipe, file.tensors)

    def settings(
        self, method: str | Method, sampler: str | None, steps: int | None, scale: float | None
    ) -> tuple[Tensor, Method, str | None, int | None, float | None]:
        """Picture, method, sampler, steps and scale of an edit that goes on from here.

        Raises:
            InputError: something else was asked for, or more than words guided the way back.
        """
        recipe = self.recipe
        learned = recipe.guidance_scale if self.method == "null-text" else scale
        for name, asked, taken in (
            ("method", method, AUTO),
            ("sampler", sampler, recipe.sampler),
            ("num_inference_steps", steps, recipe.num_inference_steps),
            ("guidance_scale", scale, learned),
        ):
            if asked not in (None, taken):
                raise InputError(f"the state was inverted with another {name}", field=name, hint="leave it out")
        assert recipe.canvas is not None, "there is a picture"
        picture = recipe.canvas.canvas(recipe.height or 0, recipe.width).image
        return picture, self._method(), recipe.sampler, recipe.num_inference_steps, learned

    def _method(self) -> Method:
        """The method of editing that inverts like this."""
        if any(entry.modality != WORDS for entry in self.recipe.guidances) or len(self.recipe.guidances) > 1:
            hint = "invert the picture under one prompt, or under nothing"
            raise InputError("edits go on from words or nothing, and more guided this state", field="image", hint=hint)
        source = "".join(str(item[WORDS]) for entry in self.recipe.guidances for item in entry.content)
        if self.method == "null-text":
            return NullText(source=source)
        return Invert(source=source, scale=self.recipe.guidance_scale or 0.0)


def order(opened: Opened, method: str, wished: bool, scale: float | None) -> dict[str, Any]:
    """Settings of the request whose walk an inversion goes back.

    Args:
        opened: the model.
        method: one of ``METHODS``.
        wished: whether anything guides.
        scale: the guidance scale that a caller asks for.

    Raises:
        InputError: there is no such method, or it needs guidance.
        Unreachable: no sampler of the model can be reversed.
    """
    check_method(method)
    if method == "null-text" and not wished:
        hint = "say what the picture shows, or use ddim"
        raise InputError("null-text needs guidance: without any nothing is extrapolated", field="method", hint=hint)
    plain = 1.0 if method == "ddim" and scale is None else scale
    return {"strength": 1.0, "seed": 0, "sampler": reversible(opened), "guidance_scale": plain}


def check_method(method: str) -> str:
    """``method`` if there is such a one; raises ``InputError`` otherwise."""
    if not isinstance(method, str) or method not in METHODS:
        hint = closest(str(method), METHODS)
        raise InputError(f"there is no method of inversion {brief(method)}", field="method", hint=hint)
    return method


def reversible(opened: Opened) -> str:
    """Name of the model's sampler that can be reversed; raises ``Unreachable`` if it has none."""
    for name, make in opened.samplers.items():
        if isinstance(make(1), Reversible):
            return name
    raise Unreachable(f"no sampler of {opened.name} has a way back", field="model", hint="use another model")


def fitting(method: Method, usual: Defaults, opened: Opened) -> Defaults:
    """The settings of an edit for which none are given: the usual ones or, for a method that walks back, such as can.

    Raises:
        Unreachable: the method walks back, and no sampler of the model can be reversed.
    """
    steps = method.way_back
    return usual if steps is None else replace(usual, sampler=reversible(opened), steps=steps)


def destination(out: str | Path, *, overwrite: bool = False) -> Path:
    """``out`` if a state file can be written there.

    Raises:
        InputError: another suffix than .safetensors.
        StorageError: the folder is missing or cannot be written to, or the file exists and may not be replaced.
    """
    path = Path(out)
    if path.suffix.lower() != SUFFIX:
        raise InputError(f"states are written as safetensors, got {path.name!r}", field="out", hint=f"end in {SUFFIX}")
    check_folder(path.parent)
    check_free(path, overwrite=overwrite)
    return path
