"""A model that is ready to make pictures and films, and to edit pictures."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from misen import assembly
from misen.app import checks, inversion
from misen.app.animation import Animation, written
from misen.app.clip import AT_ONCE, Clip
from misen.app.computing import fixed
from misen.app.dependencies import digests
from misen.app.forecast import Workload
from misen.app.original import canvas_of, picture_of
from misen.app.planning import sampler_of
from misen.app.progress import Callback
from misen.app.recall import recalled
from misen.app.recipe import ModelReference, Recipe
from misen.app.request import Request, provided
from misen.app.result import Picture, Result
from misen.app.sides import Sides
from misen.app.walker import Walker
from misen.app.ways import Ways
from misen.app.wishes import Avoided, Wish, asked
from misen.core.adapter import Adapter
from misen.core.execution import Execution
from misen.core.guidance import Guidance
from misen.core.image import to_bytes
from misen.core.sound import FRAME_RATE
from misen.editing.memory import Memory
from misen.editing.methods import AUTO
from misen.editing.methods.choice import choose, named
from misen.editing.methods.method import Method, Need
from misen.inversion.way import unwatched
from misen.media import video
from misen.media.picture import Source
from misen.media.video import Frame
from misen.synthesis import Plan

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
        self._sides = Sides(opened.generator, device)
        self._ways = Ways(opened, self._sides, device)
        self._walker = Walker(opened, self._sides, self._ways, device)

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

    @property
    def native(self) -> frozenset[str]:
        """The modalities that it was trained on."""
        return frozenset(name for port in self.opened.generator.ports.values() for name in port.trained_on)

    @property
    def takes_faces(self) -> bool:
        """Whether it was trained to show the face of a picture."""
        return assembly.PORTRAIT in self.native

    @property
    def needs_faces(self) -> bool:
        """Whether it makes nothing without one: nothing stands for none in its port."""
        ports = self.opened.generator.ports.values()
        return any(assembly.PORTRAIT in port.trained_on and not port.mixable for port in ports)

    @property
    def upscaler(self) -> assembly.OpenedUpscaler | None:
        """What makes its pictures larger; None where nothing installed takes them."""
        return self._sides.upscaler

    @property
    def largest(self) -> int:
        """Height and width of the largest pictures it makes: its upscaler's, where there is one."""
        return self.size if self.upscaler is None else self.upscaler.upscaler.size

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

    def animate(
        self,
        *wishes: Wish,
        image: Source | Tensor | None = None,
        callback_on_step_end: Callback | None = None,
        **settings: Any,
    ) -> Animation:
        """Make a film: :meth:`synthesize` for every moment of what moves it, always from the same seed.

        Args:
            wishes: what guides; one of them moves and lasts as long as the film, such as ``misen.Audio``.
            image: a picture of the face, for the model's port for one; the picture that is edited where it has none.
            callback_on_step_end: sees each step; may raise ``Cancelled``.
            settings: see :meth:`clip`.

        Raises:
            InputError: an argument outside what is accepted; nothing has been computed.
            Unreachable: a guidance that no route can follow; nothing has been computed.
        """
        return self.film(self.clip(*wishes, image=image, **settings), callback_on_step_end)

    def invert(
        self,
        image: Source | Tensor,
        *wishes: Wish,
        method: str = AUTO,
        num_inference_steps: int | None = None,
        guidance_scale: float | None = None,
        space: str = "w+",
        tune: int = 0,
        callback: Callable[[float], None] = unwatched,
    ) -> inversion.Inverted:
        """Find the state that a picture would be made from.

        Args:
            image: as of :meth:`request`.
            wishes: what the picture shows; they guide the way back, and the same wishes rebuild the picture.
            method: ``ddim`` or ``null-text`` for models that make pictures of noise; ``encoder``, ``hybrid`` or
                ``optimize`` for those that make them of latents; ``auto`` is the first that the model allows.
            num_inference_steps: length of the walk, 1 to 1000, of which few rebuild worse; or updates of the latents.
            guidance_scale: what strength 1 of a wish stands for when the picture is rebuilt; by default 1 for ``ddim``,
                which rebuilds worse the larger it is, and the model's own for the others.
            space: in which latents are sought: ``w``, one for all layers, or ``w+``, one for each.
            tune: updates of a copy of the network, which learns to make the picture of the latents found.
            callback: told which fraction is done; may raise ``Cancelled``.

        Raises:
            InputError: an argument outside what is accepted, or null-text without wishes.
            Unreachable: the model has no way back under these wishes, or no latents.
        """
        order = inversion.order(
            self.opened, method, wished=bool(wishes), steps=num_inference_steps, scale=guidance_scale, space=space,
            tune=tune,
        )  # fmt: skip
        request = self.request(*wishes, image=image, **order.settings)
        assert request.canvas is not None, "there is a picture"
        sampler, plan, began = sampler_of(self.opened, request), self.decide(request), time.perf_counter()
        generator, picture = self._ways.generator(request), request.canvas.image
        with fixed():
            found = order.find(generator, sampler, plan, picture, callback, self.device)
        seconds, recipe = time.perf_counter() - began, self._recipe(request, plan)
        return inversion.Inverted(found, order.method, recipe, order.steps, seconds, self.opened)

    def plan(self, *wishes: Wish, **settings: Any) -> Plan:
        """What :meth:`synthesize` would do with the same arguments, without doing it."""
        return self.decide(self.request(*wishes, **settings))

    def request(
        self,
        *wishes: Wish,
        negative_prompt: Avoided = None,
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
        best_of: int = 1,
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
            best_of: candidates of each picture, of which the one is kept that agrees most with what guides it.
            width: of the pictures, by default the model's size; others where the model or an upscaler after it can.
            height: likewise.
        """
        drawn = checks.seeds(seed, num_images)
        if kept := inversion.Kept.read(image, self.opened):
            told = kept.settings(method, sampler, num_inference_steps, guidance_scale)
            image, method, sampler, num_inference_steps, guidance_scale = told
        height, width = self._sides.checked(height, width)
        guidances, negatives = asked(wishes, negative_prompt, len(drawn))
        change, chosen = self._change(method, guidances, image, masked=mask is not None)
        return self._ways.settled(accelerate, Request(
            guidances=guidances, negatives=negatives, seeds=drawn, height=height, width=width,
            canvas=canvas_of(image, mask, *self._sides.made(height, width)),
            method=change,
            strength=checks.real(_or(strength, change.usual_strength), "strength", 0, 1),
            sampler=self.opened.check_sampler(_or(sampler, chosen.sampler)),
            steps=checks.whole(_or(num_inference_steps, chosen.steps), "num_inference_steps", 1, checks.STEPS_LIMIT),
            scale=checks.real(_or(guidance_scale, chosen.scale), "guidance_scale", 0, checks.SCALE_LIMIT),
            cache_interval=self._ways.interval(_or(cache_interval, 1)),
            kept=kept.tensors if kept else {},
            tries=checks.whole(best_of, "best_of", 1, checks.COUNT_LIMIT),
        ))  # fmt: skip

    def clip(
        self,
        *wishes: Wish,
        image: Source | Tensor | None = None,
        fps: int = FRAME_RATE,
        batch_size: int = AT_ONCE,
        **settings: Any,
    ) -> Clip:
        """Check all arguments of a film; raises ``InputError`` for what is not accepted.

        Args:
            wishes: as of :meth:`animate`.
            image: likewise.
            fps: frames per second, 1 to 60.
            batch_size: frames per forward; the recipe keeps it, and so makes the same film again.
            settings: see :meth:`request`; there is one seed.
        """
        if image is not None and self.takes_faces:
            wishes, image = (*wishes, assembly.portrait(picture_of(image))), None
        return Clip.of(self.request(*wishes, image=image, num_images=1, **settings), fps, batch_size)

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
        canvas = entry.canvas(*self._sides.made(request.height, request.width))
        return replace(request, canvas=canvas, method=entry.chosen(request.guidances), strength=entry.strength)

    def decide(self, request: Request) -> Plan:
        """The plan of a checked request."""
        return self._walker.plan(request)

    def workload(self, request: Request) -> Workload:
        """What of a checked request decides its cost."""
        return self._ways.workload(request)

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
        for part, walk in self._walker.pictures(request, batch_size, callback, memory or Memory()):
            walks.append(walk)
            for k, image in enumerate(walk.images.float().cpu()):
                pictures.append(self._picture(image, part.part(slice(k, k + 1))))
                if deliver is not None:
                    deliver(len(pictures) - 1, pictures[-1])
        images = torch.stack([picture.tensor for picture in pictures])
        return Result(
            images=tuple(pictures),
            plan=whole,
            recipe=self._recipe(replace(request, seeds=tuple(picture.seed for picture in pictures)), whole),
            traces=tuple(walk.trace for walk in walks),
            seconds=time.perf_counter() - began,
            change=request.canvas.change(images) if request.canvas else {},
        )

    def film(self, clip: Clip, callback: Callback | None = None) -> Animation:
        """Make the film of a checked order; frames go into it as they are made."""
        whole, began = self.decide(clip.request), time.perf_counter()
        recipe = self._recipe(clip.request, whole).filmed(clip)
        content = video.encode(self._frames(clip, callback), clip.sound, clip.rate, written(recipe))
        return Animation(content, whole, recipe, len(clip), time.perf_counter() - began)

    def _frames(self, clip: Clip, callback: Callback | None) -> Iterator[Frame]:
        """(H, W, 3) uint8 each."""
        for _, walk in self._walker.walks(clip.parts, callback, Memory()):
            yield from to_bytes(walk.images).cpu().numpy()

    def _picture(self, image: Tensor, request: Request) -> Picture:
        return Picture(image, self._recipe(request, self.decide(request)))

    def _recipe(self, request: Request, plan: Plan) -> Recipe:
        model = ModelReference(name=self.name, sha256=self.opened.sha256)
        above = self._sides.above(request.height, request.width)
        upscaler = None if above is None else ModelReference(name=above.name, sha256=above.sha256)
        files = digests(request.routed(decision.route for decision in plan.decisions))
        return Recipe.of(model, request, plan, self.device, upscaler, self.opened.adapters, files)

    def _change(
        self, method: str | Method, guidances: Sequence[Guidance], image: Source | Tensor | None, *, masked: bool
    ) -> tuple[Method, assembly.Defaults]:
        """The method that is meant, with what the picture's recipe tells it, and the settings of edits by it."""
        meant = _method(method, provided(guidances, picture=image is not None, mask=masked))
        told, usual = recalled(meant, image, self.opened)
        return told, inversion.fitting(told, usual, self.opened)


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


def _or(given: Any, default: Any) -> Any:
    """What was given, or what stands for nothing given; a given 0 or NaN is kept, to be judged."""
    return default if given is None else given


def _method(asked: str | Method, there: Set[Need]) -> Method:
    """How a picture is changed; where there is none, the plain method stands for nothing."""
    return named(AUTO, {}, there) if asked == AUTO and "picture" not in there else choose(asked, there)
