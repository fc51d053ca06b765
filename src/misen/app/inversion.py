"""Inverting a picture with a model, and keeping what was found.

Models that step make a picture of noise, and their walk is taken back. Models that walk make it of latents, which their
encoder tells, or which are sought by gradient; and their network can be tuned until it makes the picture of these.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Self

from torch import Tensor

from misen.app import checks
from misen.app.destinations import check_folder, check_free
from misen.app.recall import changing
from misen.app.recipe import Recipe
from misen.assembly import WORDS, Defaults, Opened
from misen.core.errors import InputError, ModelFileError, Unreachable, brief, closest
from misen.core.generator import Annealing, Generator, Reversible, Sampler, Startable
from misen.editing.methods import AUTO
from misen.editing.methods.invert import Invert
from misen.editing.methods.latents import SEARCH
from misen.editing.methods.method import WAY_BACK, Method
from misen.editing.methods.null_text import NullText
from misen.inversion import Inversion, StateFile, invert, invert_null_text, optimize, pack, tune_pivot
from misen.inversion.optimize import SPACES
from misen.inversion.state_file import is_state_file
from misen.inversion.way import Watch
from misen.synthesis import Plan

SUFFIX = ".safetensors"


@dataclass(frozen=True)
class Means:
    """A method of inversion.

    Attributes:
        find: generator, sampler, plan and image, and by name watch and device, to the inversion.
        steps: of the walk, or updates of the latents, unless a caller says otherwise.
        walks: whether a walk is taken back; else latents are found.
    """

    find: Callable[..., Inversion]
    steps: int
    walks: bool = False


METHODS: Mapping[str, Means] = {
    "ddim": Means(invert, WAY_BACK, walks=True),
    "null-text": Means(invert_null_text, WAY_BACK, walks=True),
    "encoder": Means(partial(optimize, begin="encoder"), 0),
    "hybrid": Means(partial(optimize, begin="encoder"), SEARCH),
    "optimize": Means(partial(optimize, begin="mean"), 500),
}
"""``ddim`` reverses the sampler; ``null-text`` also learns the null, so that large guidance scales rebuild. ``encoder``
tells the latents at once, ``optimize`` seeks them from the mean on, ``hybrid`` from what the encoder tells."""


@dataclass(frozen=True)
class Inverted:
    """A picture inverted by a model.

    Attributes:
        inversion: the state and the way there.
        method: one of ``METHODS``.
        recipe: the walk that rebuilds the picture from the state; its canvas is the picture.
        steps: of the walk, or updates of the latents.
        seconds: wall time.
        opened: the model.
    """

    inversion: Inversion
    method: str
    recipe: Recipe
    steps: int
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
            "steps": self.steps,
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
        return cls(check_method(file.method), recipe, file.tensors)

    def settings(
        self, method: str | Method, sampler: str | None, steps: int | None, scale: float | None
    ) -> tuple[Tensor, str | Method, str | None, int | None, float | None]:
        """Picture, method, sampler, steps and scale of an edit that goes on from here.

        Raises:
            InputError: something else was asked for, or more than words guided the way back. Latents can be gone on
                from as one likes.
        """
        recipe = self.recipe
        assert recipe.canvas is not None, "there is a picture"
        picture = recipe.canvas.canvas(recipe.height or 0, recipe.width).image
        if not METHODS[self.method].walks:
            return picture, Invert() if method == AUTO else method, sampler, steps, scale
        learned = recipe.guidance_scale if self.method == "null-text" else scale
        for name, asked, taken in (
            ("method", method, AUTO),
            ("sampler", sampler, recipe.sampler),
            ("num_inference_steps", steps, recipe.num_inference_steps),
            ("guidance_scale", scale, learned),
        ):
            if asked not in (None, taken):
                raise InputError(f"the state was inverted with another {name}", field=name, hint="leave it out")
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


@dataclass(frozen=True)
class Order:
    """How a picture is to be inverted.

    Attributes:
        method: one of ``METHODS``.
        steps: of the walk, or updates of the latents.
        settings: of the request whose pictures are made again.
        space: in which latents are sought.
        tune: updates of the network.
    """

    method: str
    steps: int
    settings: Mapping[str, Any]
    space: str
    tune: int

    def find(
        self, generator: Generator, sampler: Sampler, plan: Plan, image: Tensor, watch: Watch, device: str
    ) -> Inversion:
        """Invert a picture (1, 3, H, W), and tune the network if that is asked for; raises what doing so raises."""
        means, share = METHODS[self.method], self.steps / max(1, self.steps + self.tune)
        sought = {} if means.walks else {"steps": self.steps, "space": self.space}
        first, then = _span(watch, 0.0, share if self.tune else 1.0), _span(watch, share, 1.0)
        found = means.find(generator, sampler, plan, image, watch=first, device=device, **sought)
        if not self.tune:
            return found
        return tune_pivot(generator, sampler, plan, image, found, steps=self.tune, watch=then, device=device)


def order(
    opened: Opened,
    method: str,
    *,
    wished: bool = False,
    steps: int | None = None,
    scale: float | None = None,
    space: str = "w+",
    tune: int = 0,
) -> Order:
    """Check how a picture is to be inverted.

    Args:
        opened: the model.
        method: one of ``METHODS``, or ``auto``: what the model allows.
        wished: whether anything guides.
        steps: as a caller asks for them.
        scale: the guidance scale that a caller asks for.
        space: in which latents are sought.
        tune: updates of the network.

    Raises:
        InputError: there is no such method or space, the method needs guidance, or it has no use for what is asked.
        Unreachable: no sampler of the model can be reversed.
    """
    method = _fitting(opened) if method == AUTO else check_method(method)
    means = METHODS[method]
    if method == "null-text" and not wished:
        hint = "say what the picture shows, or use ddim"
        raise InputError("null-text needs guidance: without any nothing is extrapolated", field="method", hint=hint)
    count = means.steps if steps is None else steps
    if means.walks:
        _refuse(space != "w+", "space", method)
        _refuse(tune != 0, "tune", method)
        plain = 1.0 if method == "ddim" and scale is None else scale
        walk = {"sampler": reversible(opened), "num_inference_steps": count, "guidance_scale": plain}
        return Order(method, count, {"strength": 1.0, "seed": 0, **walk}, space, 0)
    _refuse(method == "encoder" and steps is not None, "num_inference_steps", method)
    checks.one_of(space, "space", SPACES)
    checks.whole(count, "num_inference_steps", 0, checks.COUNT_LIMIT)
    checks.whole(tune, "tune", 0, checks.COUNT_LIMIT)
    return Order(method, count, {"strength": 1.0, "seed": 0, "guidance_scale": scale}, space, tune)


def _span(watch: Watch, first: float, last: float) -> Watch:
    """Tells a part of the work as a part of the whole."""
    return lambda done: watch(first + (last - first) * done)


def _refuse(given: bool, name: str, method: str) -> None:
    """Refuse what a method of inversion has no use for."""
    if given:
        raise InputError(f"{method} has no use for {name}", field=name, hint="leave it out")


def _fitting(opened: Opened) -> str:
    """The method that a model allows: back along its walk, or the latents, from its encoder on if it has one."""
    if not walking(opened):
        return "ddim"
    return "hybrid" if isinstance(opened.generator, Startable) else "optimize"


def walking(opened: Opened) -> bool:
    """Whether a model makes its pictures of latents, among which it walks."""
    return any(isinstance(make(1), Annealing) for make in opened.samplers.values())


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

    Models that walk among latents have no way back, and need none.

    Raises:
        Unreachable: the method walks back, and no sampler of the model can be reversed.
    """
    steps = method.way_back
    if steps is None or walking(opened):
        return usual
    return replace(usual, sampler=reversible(opened), steps=steps)


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
