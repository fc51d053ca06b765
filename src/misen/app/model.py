"""A model that is ready to make and to edit pictures."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from misen import assembly
from misen.app import acceleration, checks, inversion
from misen.app.computing import INNER_THREADS, fixed
from misen.app.forecast import Workload, sufficient
from misen.app.progress import Callback, watch
from misen.app.recall import recalled, require_base
from misen.app.recipe import ModelReference, Recipe, coverage
from misen.app.request import Request, provided
from misen.app.result import Picture, Result
from misen.core.adapter import Adapter
from misen.core.errors import InputError
from misen.core.execution import Execution
from misen.core.generator import Executable, Generator, Reusing, Sampler, Sizable
from misen.core.guidance import Guidance
from misen.core.signal import Signal
from misen.editing.canvas import Canvas
from misen.editing.memory import Memory
from misen.editing.methods import AUTO
from misen.editing.methods.choice import choose, named
from misen.editing.methods.method import Beginning, Edit, Method, Need
from misen.inversion.way import unwatched
from misen.media.picture import Source, color, open_picture
from misen.synthesis import Plan, Synthesis, plan, synthesize
from misen.synthesis.enlarge import enlarge, evaluations
from misen.synthesis.trace import Watch

Wish = Signal | Guidance | str
"""A signal, a signal with strength, window and route, or words."""

Addition = Adapter | str | Path
"""An adapter, or the path of one that needs no options."""

Deliver = Callable[[int, Picture], None]
"""Called with the index of a picture and the picture as soon as it is finished."""


class Model:
    """A generator with everything that guides it.

    On the CPU results are bit-identical over runs, thread settings and ``num_images``: pictures are made one at a time,
    with a fixed number of inner threads. A ``batch_size`` above 1 makes several at once, which is faster and may change
    a picture by up to 2 levels of 255.
    """

    def __init__(self, opened: assembly.Opened, device: str = "cpu") -> None:
        """Wrap an opened model; see :func:`load`."""
        self.opened, self.device = opened, device
        self._ways: dict[Execution | None, Generator] = {None: opened.generator}

    @classmethod
    def from_pretrained(cls, name: str | Path, *, device: str = "cpu", adapters: Sequence[Addition] = ()) -> Self:
        """The same as :func:`load`."""
        added = [Adapter(str(one)) if isinstance(one, str | Path) else one for one in adapters]
        return cls(assembly.open_model(str(name), checks.device(device), added), device)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write a folder of safetensors, JSON and TOML from which the model can be loaded.

        LoRAs and learned words that were added to it are in what is written, ControlNets are not.
        """
        self.opened.save(Path(folder))

    @property
    def name(self) -> str:
        """What it was loaded as."""
        return self.opened.name

    @property
    def size(self) -> int:
        """Height and width of the pictures it makes by itself."""
        return self.opened.generator.size

    @cached_property
    def upscaler(self) -> assembly.OpenedUpscaler | None:
        """What makes its pictures larger; None where nothing installed takes them."""
        found = assembly.open_upscaler(self.device)
        return found if found is not None and found.upscaler.small == self.size else None

    def synthesize(
        self,
        *wishes: Wish,
        batch_size: int = 1,
        callback_on_step_end: Callback | None = None,
        callback_on_picture: Deliver | None = None,
        memory: Memory | None = None,
        **settings: Any,
    ) -> Result:
        """Make pictures.

        Args:
            wishes: what guides.
            batch_size: pictures per forward; 1 is bit-reproducible.
            callback_on_step_end: sees each step; may raise ``Cancelled``.
            callback_on_picture: receives each picture as soon as it is finished.
            memory: of what this model learned of a picture, for edits of it that learn the same.
            settings: see :meth:`request`.

        Raises:
            InputError: an argument outside what is accepted; nothing has been computed.
            Unreachable: a guidance that no route can follow; nothing has been computed.
        """
        checks.whole(batch_size, "batch_size", 1, checks.COUNT_LIMIT)
        request = self.request(*wishes, **settings)
        return self.fulfil(request, batch_size, callback_on_step_end, callback_on_picture, memory)

    def edit(self, image: Source | Tensor, *wishes: Wish, **settings: Any) -> Result:
        """Change a picture: :meth:`synthesize` with ``image``."""
        return self.synthesize(*wishes, image=image, **settings)

    def invert(
        self,
        image: Source | Tensor,
        *wishes: Wish,
        method: str = "ddim",
        num_inference_steps: int = inversion.STEPS,
        guidance_scale: float | None = None,
        callback: Callable[[float], None] = unwatched,
    ) -> inversion.Inverted:
        """Find the state that a picture would be made from.

        Args:
            image: as of :meth:`request`.
            wishes: what the picture shows; they guide the way back, and the same wishes rebuild the picture.
            method: ``ddim`` or ``null-text``.
            num_inference_steps: length of the walk, 1 to 1000; few steps rebuild worse.
            guidance_scale: what strength 1 of a wish stands for when the picture is rebuilt; by default 1 for ``ddim``,
                which rebuilds worse the larger it is, and the model's own for ``null-text``.
            callback: told which fraction is done; may raise ``Cancelled``.

        Raises:
            InputError: an argument outside what is accepted, or null-text without wishes.
            Unreachable: the model has no way back under these wishes.
        """
        settings = inversion.order(self.opened, method, bool(wishes), guidance_scale)
        request = self.request(*wishes, image=image, num_inference_steps=num_inference_steps, **settings)
        assert request.canvas is not None, "there is a picture"
        sampler, plan = self.opened.samplers[request.sampler](request.steps), self.decide(request)
        find, began = inversion.METHODS[method], time.perf_counter()
        generator, picture = self._generator(request), request.canvas.image
        with fixed():
            found = find(generator, sampler, plan, picture, watch=callback, device=self.device)
        seconds = time.perf_counter() - began
        return inversion.Inverted(found, method, self._recipe(request, plan), seconds, self.opened)

    def plan(self, *wishes: Wish, **settings: Any) -> Plan:
        """What :meth:`synthesize` would do with the same arguments, without doing it."""
        return self.decide(self.request(*wishes, **settings))

    def request(
        self,
        *wishes: Wish,
        negative_prompt: str | Signal | Sequence[Signal] | None = None,
        image: Source | Tensor | None = None,
        mask: Source | Tensor | None = None,
        method: str | Method = AUTO,
        strength: float | None = None,
        seed: int | Sequence[int] | None = None,
        num_images: int | None = None,
        num_inference_steps: int | None = None,
        guidance_scale: float | None = None,
        sampler: str | None = None,
        cache_interval: int | None = None,
        accelerate: bool | Execution = False,
        width: int | None = None,
        height: int | None = None,
    ) -> Request:
        """Check all arguments and fill in the model's defaults; raises ``InputError`` for what is not accepted.

        Args:
            wishes: what guides.
            negative_prompt: words or signals to push away.
            image: to begin from: a path, bytes, Pillow's, uint8 (H, W, 3), a tensor in [-1, 1], or a state file's path.
            mask: what of it may change, white = repaint, or a tensor in [0, 1]; of the picture's size.
            method: how the picture is changed, ``NAME[:option=value,...]``; ``auto`` goes by whether there is a mask.
            strength: of the edit, in [0, 1]; 0 keeps the picture, 1 ignores it; by default as usual for the method.
            seed: of the first picture, the k-th uses seed + k; or one per picture; drawn when left out.
            num_images: how many pictures.
            num_inference_steps: length of the walk, 1 to 1000.
            guidance_scale: what strength 1 of a native guidance stands for, 0 to 1000.
            sampler: name of a sampler of the family.
            cache_interval: ask the whole network in one of so many predictions; above 1 it is faster, and near.
            accelerate: run networks otherwise where a short probe, whose result is kept, says that it pays; or how.
            width: of the pictures, by default the model's size; others where the model or an upscaler after it can.
            height: likewise.
        """
        drawn = checks.seeds(seed, num_images)
        if kept := inversion.Kept.read(image, self.opened):
            told = kept.settings(method, sampler, num_inference_steps, guidance_scale)
            image, method, sampler, num_inference_steps, guidance_scale = told
        height, width = self._sides(height, width)
        guidances, negatives = _asked(wishes, negative_prompt, len(drawn))
        change, chosen = self._change(method, guidances, image, masked=mask is not None)
        request = Request(
            guidances=guidances,
            negatives=negatives,
            seeds=drawn,
            height=height,
            width=width,
            canvas=self._canvas(image, mask, *self._made(height, width)),
            method=change,
            strength=checks.real(_or(strength, change.usual_strength), "strength", 0, 1),
            sampler=self.opened.check_sampler(_or(sampler, chosen.sampler)),
            steps=checks.whole(_or(num_inference_steps, chosen.steps), "num_inference_steps", 1, checks.STEPS_LIMIT),
            scale=checks.real(_or(guidance_scale, chosen.scale), "guidance_scale", 0, checks.SCALE_LIMIT),
            cache_interval=self._interval(_or(cache_interval, 1)),
            kept=kept.tensors if kept else {},
        )
        return replace(request, execution=self._execution(accelerate, request))

    def order(self, recipe: Recipe) -> Request:
        """The request a recipe describes; raises ``InputError`` when it asks for what is not accepted."""
        request = self.request(
            *(entry.guidance() for entry in recipe.guidances),
            negative_prompt=[entry.signal() for entry in recipe.negatives],
            seed=recipe.seeds,
            num_inference_steps=recipe.num_inference_steps,
            guidance_scale=recipe.guidance_scale,
            sampler=recipe.sampler,
            cache_interval=recipe.cache_interval,
            accelerate=recipe.execution.execution() if recipe.execution else False,
            width=recipe.width,
            height=recipe.height,
        )
        if (entry := recipe.canvas) is None:
            return request
        canvas, method = entry.canvas(*self._made(request.height, request.width)), entry.chosen(request.guidances)
        return replace(request, canvas=canvas, method=method, strength=entry.strength)

    def decide(self, request: Request) -> Plan:
        """The plan of a checked request."""
        above = self._above(request)
        return self._plan(request).beside({} if above is None else {"the upscaler": evaluations(above.upscaler)})

    def _plan(self, request: Request) -> Plan:
        """The plan of a checked request, as far as the model's own network goes."""
        sampler = self.opened.samplers[request.sampler](request.steps)
        walk = plan(
            self.opened.generator,
            request.guidances,
            request.method.known(request.canvas) if request.canvas else None,
            sampler=sampler,
            encoders=self.opened.encoders,
            energies=assembly.energies(),
            scale=request.scale,
            negatives=request.negatives,
        )
        edit = _edit(request, self.opened.generator, sampler, walk)
        return walk if edit is None else walk.beside(request.method.besides(edit))

    def workload(self, request: Request) -> Workload:
        """What of a checked request decides its cost."""
        return Workload(
            generator=self._generator(request),
            sampler=self.opened.samplers[request.sampler](request.steps),
            plan=self._plan(request),
            size=self._made(request.height, request.width),
            pictures=len(request.seeds),
            device=self.device,
            where=self.opened.outline.stage if self.opened.outline else None,
        )

    def fulfil(
        self,
        request: Request,
        batch_size: int = 1,
        callback: Callback | None = None,
        deliver: Deliver | None = None,
        memory: Memory | None = None,
    ) -> Result:
        """Make the pictures of a checked request; arguments as of :meth:`synthesize`."""
        whole, began = self.decide(request), time.perf_counter()
        pictures: list[Picture] = []
        walks = []
        for part, walk in self._walks(request.parts(batch_size), callback, memory or Memory()):
            walks.append(walk)
            for k, image in enumerate(walk.images.float().cpu()):
                pictures.append(self._picture(image, part.part(slice(k, k + 1))))
                if deliver is not None:
                    deliver(len(pictures) - 1, pictures[-1])
        images = torch.stack([picture.tensor for picture in pictures])
        return Result(
            images=tuple(pictures),
            plan=whole,
            recipe=self._recipe(request, whole),
            traces=tuple(walk.trace for walk in walks),
            seconds=time.perf_counter() - began,
            change=request.canvas.change(images) if request.canvas else {},
        )

    def _walks(
        self, parts: Sequence[Request], callback: Callback | None, memory: Memory
    ) -> Iterator[tuple[Request, Synthesis]]:
        """Each part of a request with its pictures."""
        for index, part in enumerate(parts):
            with fixed(_threads(part)), sufficient(self.workload(part)):
                walk = self._enlarge(self._walk(part, watch(callback, index, len(parts)), memory), part)
            yield part, walk

    def _walk(self, request: Request, watch: Watch, memory: Memory) -> Synthesis:
        sampler, plan = self.opened.samplers[request.sampler](request.steps), self.decide(request)
        beginning = self._begin(request, sampler, plan, memory)
        return synthesize(
            beginning.generator,
            sampler,
            plan,
            seeds=request.seeds,
            start=beginning.start,
            watch=watch,
            device=self.device,
        )

    def _begin(self, request: Request, sampler: Sampler, plan: Plan, memory: Memory) -> Beginning:
        generator = self._generator(request)
        edit = _edit(request, generator, sampler, plan)
        if edit is None:
            return Beginning(generator, None)
        require_base(request.method, self.opened)
        return request.method.begin(replace(edit, memory=memory))

    def _enlarge(self, walk: Synthesis, request: Request) -> Synthesis:
        """The pictures of a walk in the size asked for."""
        above = self._above(request)
        if above is None:
            return walk
        return replace(walk, images=enlarge(above.upscaler, walk.images, request.seeds, self.device))

    def _above(self, request: Request) -> assembly.OpenedUpscaler | None:
        """What goes over the pictures once they are made; None where the generator makes the size asked for."""
        size = (request.height, request.width)
        return None if self._made(*size) == size else self.upscaler

    def _picture(self, image: Tensor, request: Request) -> Picture:
        return Picture(image, self._recipe(request, self.decide(request)))

    def _recipe(self, request: Request, plan: Plan) -> Recipe:
        model = ModelReference(name=self.name, sha256=self.opened.sha256)
        above = self._above(request)
        upscaler = None if above is None else ModelReference(name=above.name, sha256=above.sha256)
        return Recipe.of(model, request, plan, self.device, upscaler, self.opened.adapters)

    def _change(
        self, method: str | Method, guidances: Sequence[Guidance], image: Source | Tensor | None, *, masked: bool
    ) -> tuple[Method, assembly.Defaults]:
        """The method that is meant, with what the picture's recipe tells it, and the settings of edits by it."""
        asked = _method(method, provided(guidances, picture=image is not None, mask=masked))
        told, usual = recalled(asked, image, self.opened)
        return told, inversion.fitting(told, usual, self.opened)

    def _sides(self, height: int | None, width: int | None) -> tuple[int, int]:
        """Height and width in pixels: the given ones if pictures like that can be made, or the model's own."""
        generator = self.opened.generator
        step = generator.side_step if isinstance(generator, Sizable) else None
        columns, rows = self._side(width, "width", step), self._side(height, "height", step)
        if step is None:
            checks.square(columns, rows)
        return rows, columns

    def _side(self, given: int | None, name: str, step: int | None) -> int:
        """A side length; the upscaler is looked for only where it is needed."""
        if given is None or given == self.size:
            return self.size
        if step is None and self.upscaler is not None:
            checks.one_of(given, name, (self.size, self.upscaler.upscaler.size))
            return int(given)
        return checks.side(given, name, self.size, step)

    def _made(self, height: int, width: int) -> tuple[int, int]:
        """Of what size the generator makes pictures that end up in this one: its own, where an upscaler follows."""
        return (height, width) if isinstance(self.opened.generator, Sizable) else (self.size, self.size)

    def _generator(self, request: Request) -> Generator:
        """The generator, run as a request asks for and making pictures of its size."""
        generator = self._ready(request.execution)
        sized = generator.sized(request.height, request.width) if isinstance(generator, Sizable) else generator
        return sized if request.cache_interval == 1 else _reusing(sized, request.cache_interval)

    # --- running faster ----------------------------------------------------------------------------------------------

    def _interval(self, given: int) -> int:
        """The given interval if the generator can reuse what it made."""
        interval = checks.whole(given, "cache_interval", 1, checks.STEPS_LIMIT)
        if interval > 1:
            _reusing(self.opened.generator, interval)
        return interval

    def _execution(self, asked: bool | Execution, request: Request) -> Execution | None:
        """The given way of running networks, or the one that pays."""
        able = isinstance(self.opened.generator, Executable)
        if isinstance(asked, Execution):
            if not able:
                message = f"{self.name} cannot be run otherwise, {asked} was asked for"
                raise InputError(message, field="execution", hint="leave the execution out")
            return asked
        if not asked or not able or self.opened.outline is not None:
            return None
        short = replace(request.part(slice(0, 1)), canvas=None, steps=acceleration.STEPS)
        steps = request.steps * len(request.seeds)
        return acceleration.choose(partial(self._sample, short), steps, self._circumstances(short))

    def _circumstances(self, short: Request) -> dict[str, str]:
        """What the time of a short walk depends on, beside the machine."""
        plan = self._plan(short)
        moved = [one.guidance for one in plan.decisions if one.route == "consistency"]
        return {
            "device": self.device,
            "weights": " ".join((self.opened.sha256, *(adapter.sha256 for adapter in self.opened.adapters))),
            "size": f"{short.width}x{short.height}",
            "walk": f"{plan.evaluations} evaluations by {short.sampler}, {plan.gradients} gradients",
            "cache_interval": str(short.cache_interval),
            "moved by": ", ".join(f"{wish.modality} {wish.consistency}" for wish in moved),
        }

    def _sample(self, short: Request, execution: Execution | None) -> None:
        """A short walk, run in some way."""
        short = replace(short, execution=execution)
        sampler, plan = self.opened.samplers[short.sampler](short.steps), self.decide(short)
        with fixed(_threads(short)):
            synthesize(self._generator(short), sampler, plan, seeds=short.seeds, device=self.device)

    def _ready(self, execution: Execution | None) -> Generator:
        """The generator run in a way; it is made ready once."""
        if execution is not None and execution not in self._ways:
            generator = self.opened.generator
            assert isinstance(generator, Executable), "requests for others are refused"
            self._ways[execution] = generator.executed(execution)
        return self._ways[execution]

    def _canvas(
        self, image: Source | Tensor | None, mask: Source | Tensor | None, height: int, width: int
    ) -> Canvas | None:
        if image is None and mask is None:
            return None
        if image is None:
            raise InputError("a mask needs a picture", field="mask", hint="give the picture as image")
        picture = _tensor(image, 3, "image") if isinstance(image, Tensor) else color(open_picture(image, "image"))
        cover = None if mask is None else _cover(mask)
        return Canvas.fit(picture, cover, height, width)


def load(name: str | Path | None = None, *, device: str = "cpu", adapters: Sequence[Addition] = ()) -> Model:
    """Open a model: a shipped one's name, a family's name (its best), or a folder; the usual one if left out.

    Args:
        name: of the model.
        device: where its networks go.
        adapters: ControlNets, LoRAs and learned words for other people's models, by path or as :class:`Adapter`.

    Raises:
        NotFoundError: there is no such model or adapter.
        ModelFileError: its files must not be opened, or an adapter was made for another model.
        InputError: there is no such device, or an adapter has an option that makes no sense.
    """
    return Model.from_pretrained(name or assembly.USUAL_MODEL, device=device, adapters=adapters)


def outline(name: str | Path | None = None) -> Model:
    """A model that plans and forecasts and makes nothing: weights of other people's are left on the disk.

    Raises:
        NotFoundError: as of :func:`load`, and so are the others.
    """
    return Model(assembly.outline_model(str(name or assembly.USUAL_MODEL)))


def prepare(recipe: Recipe, *, device: str = "cpu") -> tuple[Model, Request]:
    """The model of a recipe, opened, and the request it describes.

    Raises:
        InputError: the recipe asks for what is not accepted, or for other weights of its model.
        NotFoundError: its model is not here.
    """
    model = load(recipe.model.name, device=device, adapters=[entry.adapter() for entry in recipe.adapters])
    if recipe.model.sha256 not in ("", model.opened.sha256):
        raise InputError(
            f"the recipe was made with other weights of {recipe.model.name}",
            field="model.sha256",
            hint="empty the digest to use these",
        )
    request = model.order(recipe)
    _check_upscaler(recipe, model)
    return model, request


def _check_upscaler(recipe: Recipe, model: Model) -> None:
    """Refuse a recipe made with another upscaler than the one here."""
    asked = recipe.upscaler
    here = None if asked is None else model.upscaler
    if asked is not None and here is not None and asked.sha256 not in ("", here.sha256):
        raise InputError(
            f"the recipe was made with other weights of {asked.name}",
            field="upscaler.sha256",
            hint="empty the digest to use these",
        )


def run(
    recipe: Recipe,
    *,
    device: str = "cpu",
    callback_on_step_end: Callback | None = None,
    callback_on_picture: Deliver | None = None,
) -> Result:
    """Make the pictures of a recipe; raises what :func:`prepare` raises, and ``Unreachable``."""
    model, request = prepare(recipe, device=device)
    return model.fulfil(request, 1, callback_on_step_end, callback_on_picture)


def _threads(request: Request) -> int:
    """Inside one operation."""
    return INNER_THREADS if request.execution is None else request.execution.threads


def _reusing(generator: Generator, interval: int) -> Generator:
    """The generator, asking the whole network in one of ``interval`` predictions; ``InputError`` if it cannot."""
    if not isinstance(generator, Reusing):
        hint = "leave the interval out"
        raise InputError("this model has nothing to reuse from step to step", field="cache_interval", hint=hint)
    return generator.reusing(interval)


def _or(given: Any, default: Any) -> Any:
    """What was given, or what stands for nothing given; a given 0 or NaN is kept, to be judged."""
    return default if given is None else given


def _asked(wishes: Sequence[Wish], avoided: Any, pictures: int) -> tuple[tuple[Guidance, ...], tuple[Signal, ...]]:
    """Guidances and negatives, every signal of one item, or of as many as there are pictures."""
    guidances, negatives = tuple(map(_guidance, wishes)), tuple(_negatives(avoided))
    for signal in (*(guidance.signal for guidance in guidances), *negatives):
        checks.shared(len(signal), signal.modality, pictures)
    return guidances, negatives


def _edit(request: Request, generator: Generator, sampler: Sampler, plan: Plan) -> Edit | None:
    """A request as its method sees it; None where there is no picture to change."""
    if request.canvas is None:
        return None
    return Edit(
        generator=generator,
        sampler=sampler,
        plan=plan,
        canvas=request.canvas,
        strength=request.strength,
        kept=request.kept,
    )


def _guidance(wish: Wish) -> Guidance:
    return wish if isinstance(wish, Guidance) else Guidance(signal=_signal(wish))


def _method(asked: str | Method, there: Set[Need]) -> Method:
    """How a picture is changed; where there is none, the plain method stands for nothing."""
    return named(AUTO, {}, there) if asked == AUTO and "picture" not in there else choose(asked, there)


def _negatives(given: str | Signal | Sequence[Signal] | None) -> list[Signal]:
    if given is None or given == "":
        return []
    return [_signal(one) for one in given] if isinstance(given, list | tuple) else [_signal(given)]


def _signal(wish: object) -> Signal:
    if isinstance(wish, str):
        return assembly.words(wish)
    if not isinstance(wish, Signal):
        hint = "or give a signal, such as misen.Sketch, or a Guidance"
        raise InputError(f"prompt must be str, got {type(wish).__name__}", field="prompt", hint=hint)
    return wish


def _cover(mask: Source | Tensor) -> Tensor:
    """(1, 1, H, W) in [0, 1]."""
    return _tensor(mask, 1, "mask") if isinstance(mask, Tensor) else coverage(open_picture(mask, "mask"))


def _tensor(picture: Tensor, channels: int, name: str) -> Tensor:
    """(1, C, H, W) from a picture or mask given as a tensor with or without the batch axis."""
    alone = picture.ndim == 3 or (picture.ndim == 4 and len(picture) == 1)
    if not alone or picture.shape[-3] != channels or not picture.numel() or not picture.is_floating_point():
        shape = f"{picture.dtype} of {tuple(picture.shape)}"
        raise InputError(f"{name} must be a float tensor ({channels}, H, W), got {shape}", field=name)
    if not torch.isfinite(picture).all():
        raise InputError(f"{name} holds NaN or infinity", field=name)
    return picture.reshape(-1, *picture.shape[-3:])[:1].float()
