"""Recipe: one JSON document from which pictures can be made again, with everything they need inside it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, Self

import numpy as np
import torch
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor

from misen import __version__
from misen.app.clip import AT_ONCE, Clip
from misen.app.request import Request, provided
from misen.assembly import signal_class
from misen.core.adapter import Adapter
from misen.core.errors import ConfigError, InputError, closest
from misen.core.execution import Engine, Execution, Precision
from misen.core.guidance import MOST, USUAL, WHOLE, Consistency, Guidance, Route
from misen.core.image import to_bytes
from misen.core.signal import Signal
from misen.core.sound import FRAME_RATE
from misen.editing.canvas import Canvas
from misen.editing.methods import AUTO
from misen.editing.methods.choice import choose, named
from misen.editing.methods.method import Method
from misen.editing.methods.options import Value
from misen.media import png, video
from misen.media.document import line_of, refuse_repetition
from misen.media.picture import color, grey, read
from misen.synthesis import Plan
from misen.synthesis.plan import digest


class _Strict(BaseModel):
    """Unknown keys, NaN and changes are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)


class ModelReference(_Strict):
    """Which model."""

    name: str
    """Name of a shipped model or of a family, or a folder."""
    sha256: str = ""
    """Digest of its weights; empty when any will do."""


class AdapterEntry(_Strict):
    """What is added to a model: a ControlNet, a LoRA or a learned word."""

    path: str
    """Where it lies, or its id on a hub."""
    modality: str = ""
    """What guides through a ControlNet; empty for others."""
    strength: float = 1.0
    """Multiplies what it adds; 1 is its own, 0 is nothing."""
    window: tuple[float, float] = WHOLE
    """The part of the walk in which a ControlNet acts, as fractions 0 <= start < end <= 1."""
    raw: bool = False
    """Whether a ControlNet is shown files as they are, as guidance of `raw-` and its modality."""
    sha256: str = ""
    """Digest of its weights; empty when any will do."""

    def adapter(self) -> Adapter:
        """The same for a model to be opened with."""
        return Adapter(**self.model_dump())


class SignalEntry(_Strict):
    """A signal with its content."""

    modality: str
    """One of the modalities, as listed by `misen models`."""
    content: list[dict[str, Any]] = Field(min_length=1)
    """One self-contained JSON object per item."""
    sha256: str = ""
    """Digest of the content in canonical JSON; checked unless empty."""

    @classmethod
    def of(cls, signal: Signal, **rest: Any) -> Self:
        """The entry of a signal."""
        return cls(modality=signal.modality, content=signal.to_json(), sha256=digest(signal), **rest)

    def signal(self) -> Signal:
        """The signal; raises ``InputError`` when its content is not what the digest says."""
        signal: Signal = signal_class(self.modality).from_json(self.content)
        if self.sha256 and digest(signal) != self.sha256:
            raise InputError(f"the {self.modality} of this recipe was altered", field="sha256", hint="empty the digest")
        return signal


class ConsistencyEntry(_Strict):
    """How guidance by consistency moves estimates."""

    measure: str = ""
    """By which of the energies of its modality it is measured; empty for the usual one."""
    copies: int = Field(1, ge=1, le=MOST)
    """How often an energy looks at each picture: once as it is, and else at altered copies."""
    gradients: int = Field(1, ge=1, le=MOST)
    """How many gradients move an estimate; together they lead as far as one."""
    recurrences: int = Field(1, ge=1, le=MOST)
    """How often each guided step is taken, with noise anew in between."""
    interval: int = Field(1, ge=1, le=MOST)
    """In one of how many guided steps gradients are taken; in between, the last ones lead on."""
    through: bool = False
    """Whether gradients are taken at the noisy state, through the network."""


class GuidanceEntry(SignalEntry):
    """A guidance with its content."""

    strength: float = 1.0
    """How strongly; 1 is the model's own, 0 is not at all, negative pushes away."""
    window: tuple[float, float] = (0.0, 1.0)
    """The part of the walk in which it acts, as fractions 0 <= start < end <= 1."""
    route: Route = "auto"
    """How it acts; the one taken, once a picture has been made."""
    consistency: ConsistencyEntry | None = None
    """How it acts by consistency; null as usual, and by other routes."""

    @classmethod
    def taken(cls, wish: Guidance, route: Route) -> Self:
        """The entry of a wish and of the route it took."""
        how = ConsistencyEntry(**asdict(wish.consistency)) if route == "consistency" else None
        return cls.of(wish.signal, strength=wish.strength, window=wish.window, route=route, consistency=how)

    def guidance(self) -> Guidance:
        """The wish."""
        return Guidance(
            signal=self.signal(),
            strength=self.strength,
            window=self.window,
            route=self.route,
            consistency=USUAL if self.consistency is None else Consistency(**self.consistency.model_dump()),
        )


class ExecutionEntry(_Strict):
    """How networks were run, where that was not as usual."""

    precision: Precision = "float32"
    """Of the numbers inside them."""
    engine: Engine = "eager"
    """What ran them."""
    threads: int = Field(1, ge=1)
    """Inside one operation."""

    def execution(self) -> Execution:
        """The way."""
        return Execution(self.precision, self.engine, self.threads)


class CanvasEntry(_Strict):
    """The picture to change, at the model's size, and how."""

    image: str
    """PNG in base64."""
    mask: str | None = None
    """PNG in base64, white = repaint; null when everything may change."""
    strength: float = Field(1.0, ge=0, le=1)
    """0 keeps the picture, 1 ignores it."""
    method: str = AUTO
    """How it is changed; `auto` goes by whether there is a mask. The one taken, once a picture has been made."""
    options: dict[str, Value] = {}
    """Options of the method by name; those left out take its defaults."""
    sha256: str = ""
    """Digest of image and mask as they stand here; checked unless empty."""

    @classmethod
    def of(cls, canvas: Canvas, method: Method, strength: float) -> Self:
        """The entry of a canvas and of what is done to it."""
        image = png.to_text(to_bytes(canvas.image)[0].numpy())
        mask = None if canvas.mask is None else png.to_text(_levels(canvas.mask))
        return cls(
            image=image,
            mask=mask,
            strength=strength,
            method=method.name,
            options=method.options(),
            sha256=_digest(image, mask),
        )

    def canvas(self, height: int, width: int | None = None) -> Canvas:
        """The canvas at a size, by default a square; raises ``InputError`` when it is not what the digest says."""
        if self.sha256 and self.sha256 != _digest(self.image, self.mask):
            raise InputError("the picture of this recipe was altered", field="sha256", hint="empty the digest")
        image = color(png.from_text({"png": self.image}, "image"))
        mask = None if self.mask is None else coverage(png.from_text({"png": self.mask}, "mask"))
        return Canvas.fit(image, mask, height, width)

    def chosen(self, guidances: Iterable[Guidance]) -> Method:
        """The method; raises ``InputError`` when there is none such, or when something does not fit it."""
        there = provided(guidances, picture=True, mask=self.mask is not None)
        return choose(named(self.method, self.options, there), there)


class FilmEntry(_Strict):
    """How a film is made of pictures, all from the same seed."""

    fps: int = FRAME_RATE
    """Frames per second."""
    at_once: int = AT_ONCE
    """How many frames are made together; others may change one by up to 2 levels of 255."""


class Recipe(_Strict):
    """How one or more pictures are made, or a film. Fields left null take the model's defaults."""

    misen_recipe: Literal[1] = 1
    """Version of this document."""
    model: ModelReference
    """The model that makes the pictures."""
    adapters: tuple[AdapterEntry, ...] = ()
    """What is added to it, in this order."""
    guidances: tuple[GuidanceEntry, ...] = ()
    """What guides."""
    negatives: tuple[SignalEntry, ...] = ()
    """What is pushed away."""
    seeds: tuple[int, ...] = (0,)
    """One per picture."""
    canvas: CanvasEntry | None = None
    """The picture to change; null to make one from noise."""
    film: FilmEntry | None = None
    """How the pictures are frames of a film, moved by one of the guidances; null if they are not."""
    sampler: str | None = None
    """Name of a sampler of the model's family."""
    num_inference_steps: int | None = None
    """Length of the whole walk."""
    guidance_scale: float | None = None
    """What strength 1 of a native guidance stands for."""
    cache_interval: int = Field(1, ge=1)
    """The whole network is asked in one of how many predictions; 1 is always."""
    execution: ExecutionEntry | None = None
    """How networks were run; null as usual, the same to the last bit everywhere."""
    width: int | None = None
    """Width in pixels."""
    height: int | None = None
    """Height in pixels."""
    upscaler: ModelReference | None = None
    """What made the pictures larger than their model does; null if nothing did."""
    files: dict[str, str] = {}
    """SHA-256, by path, of what else decides about the pictures; each is checked unless empty."""
    versions: dict[str, str] = {}
    """Of the programs that made the picture; for information."""
    device: str = "cpu"
    """Kind of device that made it; for information."""

    @classmethod
    def of(
        cls,
        model: ModelReference,
        request: Request,
        plan: Plan,
        device: str,
        upscaler: ModelReference | None = None,
        adapters: Sequence[Adapter] = (),
        files: Mapping[str, str] = MappingProxyType({}),
    ) -> Self:
        """The recipe of a request that has been planned, with the routes taken."""
        routed = zip(request.guidances, plan.decisions, strict=True)
        return cls(
            model=model,
            adapters=tuple(AdapterEntry(**asdict(adapter)) for adapter in adapters),
            guidances=tuple(GuidanceEntry.taken(wish, decision.route) for wish, decision in routed),
            negatives=tuple(SignalEntry.of(signal) for signal in request.negatives),
            seeds=request.seeds,
            canvas=CanvasEntry.of(request.canvas, request.method, request.strength) if request.canvas else None,
            sampler=request.sampler,
            num_inference_steps=request.steps,
            guidance_scale=request.scale,
            cache_interval=request.cache_interval,
            execution=ExecutionEntry(**asdict(request.execution)) if request.execution else None,
            width=request.width,
            height=request.height,
            upscaler=upscaler,
            files=dict(files),
            versions={"misen": __version__, "torch": str(torch.__version__)},
            device=device,
        )

    @classmethod
    def parse(cls, document: str | bytes, name: str = "recipe") -> Self:
        """A recipe from its JSON; raises ``ConfigError`` naming what is wrong and where."""
        text = document if isinstance(document, str) else document.decode("utf-8", errors="replace")
        try:
            recipe = cls.model_validate_json(text)
        except ValidationError as error:
            raise _refusal(error.errors()[0], text, name) from None
        refuse_repetition(text, name)
        return recipe

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """A recipe from a JSON file, or from a picture or a film made by one."""
        data, name = read(path), Path(path).name
        if not (film := video.is_film(data)) and not data.startswith(b"\x89PNG"):
            return cls.parse(data, name)
        texts = video.texts(data, name) if film else png.texts(data, name)
        if png.RECIPE not in texts:
            hint = "give a picture or a film made by misen"
            raise InputError(f"{name} holds no recipe", field="image", hint=hint)
        return cls.parse(texts[png.RECIPE], name)

    def filmed(self, clip: Clip) -> Self:
        """The recipe of a film, from that of one of its pictures."""
        return self.model_copy(update={"film": FilmEntry(fps=clip.rate, at_once=clip.at_once)})

    def with_any_weights(self) -> Self:
        """The same recipe, to be made with whatever weights and files there are."""
        named = {"model": self.model, "upscaler": self.upscaler}
        found = {key: reference.model_copy(update={"sha256": ""}) for key, reference in named.items() if reference}
        adapters = tuple(entry.model_copy(update={"sha256": ""}) for entry in self.adapters)
        return self.model_copy(update={**found, "adapters": adapters, "files": {}})

    def canonical(self) -> str:
        """The document with sorted keys and no spaces."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _refusal(complaint: Any, text: str, name: str) -> ConfigError:
    """A complaint of pydantic's with the line, and for an unknown key what is accepted there."""
    place = ".".join(str(part) for part in complaint["loc"]) or "document"
    if complaint["type"] == "json_invalid":
        return ConfigError(f"{name}: {place}: {complaint['msg']}", field=place, hint="a recipe is one JSON object")
    where = f"{name}:{line_of(complaint['loc'], text)}"
    if complaint["type"] == "extra_forbidden":
        *inside, key = complaint["loc"]
        table = next((name for name in reversed(inside) if isinstance(name, str)), "")
        accepted = _TABLES[table].model_fields
        return ConfigError(f"{where}: unknown key {place!r}", field=place, hint=closest(key, accepted))
    hint = "the recipe inside any picture made by misen shows how it is written"
    return ConfigError(f"{where}: {place}: {complaint['msg'].lower()}", field=place, hint=hint)


_TABLES: dict[Any, type[BaseModel]] = {
    "": Recipe,
    "model": ModelReference,
    "adapters": AdapterEntry,
    "upscaler": ModelReference,
    "guidances": GuidanceEntry,
    "consistency": ConsistencyEntry,
    "negatives": SignalEntry,
    "canvas": CanvasEntry,
    "film": FilmEntry,
    "execution": ExecutionEntry,
}
"""What lies under each key of a recipe."""


def coverage(picture: Image.Image) -> Tensor:
    """(1, 1, H, W) in [0, 1] from a mask, white = repaint; transparent parts count as black."""
    if picture.has_transparency_data:
        black = Image.new("RGBA", picture.size, "black")
        picture = Image.alpha_composite(black, picture.convert("RGBA")).convert("RGB")
    return torch.from_numpy(grey(picture))[None, None]


def _levels(mask: Tensor) -> np.ndarray:
    """(H, W) uint8 of a mask (1, 1, H, W)."""
    levels: np.ndarray = (mask[0, 0] * 255).round().to(torch.uint8).numpy()
    return levels


def _digest(*parts: str | None) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
