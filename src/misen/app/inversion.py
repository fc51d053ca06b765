"""Inverting a picture with a model, and keeping what was found."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from misen.app.destinations import check_folder, check_free
from misen.app.recipe import Recipe
from misen.assembly import Opened
from misen.core.errors import InputError, Unreachable, brief, closest
from misen.core.generator import Reversible
from misen.inversion import Inversion, StateFile, invert, invert_null_text, pack

METHODS: Mapping[str, Callable[..., Inversion]] = {"ddim": invert, "null-text": invert_null_text}
"""``ddim`` reverses the sampler; ``null-text`` also learns the null, so that large guidance scales rebuild."""
STEPS = 50
"""Of the walk, unless a caller says otherwise; few steps cannot be reversed well."""
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
        """PSNR in dB to the picture, and to the picture as the model encodes and decodes it."""
        fidelity = self.inversion.fidelity
        figures = {"psnr": float(fidelity.picture.mean()), "psnr_codec": float(fidelity.codec.mean())}
        return {name: value for name, value in figures.items() if math.isfinite(value)}

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
