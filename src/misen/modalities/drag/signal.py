"""Points of a picture that should be elsewhere."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import torch
from torch import Tensor
from torch.nn import functional

from misen.core.errors import FormatError, InputError, LimitError, brief, closest
from misen.core.image import resize
from misen.core.seeding import derive
from misen.core.shapes import PerItem
from misen.core.signal import Batched
from misen.media import png
from misen.media.picture import Source, grey, open_picture
from misen.scene.anatomy import LANDMARKS
from misen.scene.attributes import COLUMN
from misen.scene.camera import project
from misen.scene.head import build_head
from misen.scene.observe import landmark_points
from misen.scene.record import Record
from misen.scene.sampling import sample, uniforms
from misen.scene.truth import Truth

MOST = 16
"""Points of one signal."""
SIZE = 64
"""Height and width of masks."""
ANYTHING = -1
"""Stands for whatever is at a handle, where no landmark is named."""
TOLD = 3
"""Most points of an observed signal."""
SHORTEST = 3 / SIZE
"""Least way of an observed point, in picture widths."""
TURN = 1 / 3
"""How much of a usual turn of the head lies between the two ends of an observed way."""
OTHERWISE = 1 << 45
"""Added to a record's seed to draw the pose and expression from which its points came."""
ANGLES = 3
DOT, SHAFT = 0.03, 0.008
"""Radius of the dots and half the width of the lines of a preview, in picture widths."""
WHITE, RED, BLUE, LOCKED = (1.0, 1.0, 1.0), (1.0, -0.4, -0.4), (-0.4, 0.0, 1.0), -0.6
"""Colours of a preview: a way, where it begins, where it ends, and what must not change."""

Way = Sequence[Sequence[float]]
"""Two points x, y in [0, 1]: where something is, and where it should be."""


@dataclass(frozen=True, eq=False, init=False)
class Drag(Batched):
    """What is at each handle should move to its target.

    Attributes:
        handles: (B, 16, 2) float32 x, y in [0, 1], (0, 0) top left; 0 where not given.
        targets: (B, 16, 2) likewise.
        landmarks: (B, 16) int64, the index in ``anatomy.LANDMARKS`` of what is held; -1 for whatever is there.
        given: (B, 16) bool.
        mask: (B, 1, 64, 64) in [0, 1] in steps of 1/255, 1 = may change.
    """

    modality: ClassVar[str] = "drag"
    handles: Tensor
    targets: Tensor
    landmarks: Tensor
    given: Tensor
    mask: Tensor

    def __init__(
        self, ways: Sequence[Way], landmarks: Sequence[str | None] = (), mask: Tensor | Source | None = None
    ) -> None:
        """The ways of one picture.

        Args:
            ways: ``[((0.5, 0.8), (0.5, 0.9)), ...]``.
            landmarks: the name of what each moves, of ``anatomy.LANDMARKS``, ``None`` for whatever is there. What has
                a name is sought in the picture, wherever its way is said to begin.
            mask: what may change, white or 1, as a picture or (1, 1, H, W) in [0, 1]; everything if left out.

        Raises:
            InputError: a point outside the picture, a way that leads nowhere, or an unknown name.
            LimitError: more than ``MOST`` ways.
        """
        ends = torch.tensor(_checked(ways)).reshape(1, -1, 2, 2)
        self._keep(
            handles=_padded(ends[:, :, 0]),
            targets=_padded(ends[:, :, 1]),
            landmarks=_named(landmarks, len(ways)),
            given=(torch.arange(MOST) < len(ways))[None],
            mask=_fitted(mask),
        )

    @classmethod
    def observe(cls, truth: Truth, seeds: Tensor) -> Self:
        """Up to three visible landmarks of each face, from where they were with another expression and a turned head.

        They have names, since nobody sees the picture they came from.
        """
        before, after = _landmarks(cls.before(truth.record)), truth.observation.landmarks.clamp(0, 1)
        inside, far = ((before >= 0) & (before <= 1)).all(2), (after - before).norm(dim=2) >= SHORTEST
        which, given = _some(truth.observation.landmarks_visible & inside & far, seeds.to(after.device))
        ends = [points.gather(1, which[..., None].expand(-1, -1, 2)) * given[..., None] for points in (before, after)]
        return cls.of(
            handles=_padded(ends[0]),
            targets=_padded(ends[1]),
            landmarks=functional.pad(which.masked_fill(~given, ANYTHING), (0, MOST - TOLD), value=ANYTHING),
            given=functional.pad(given, (0, MOST - TOLD)),
            mask=torch.ones(len(given), 1, SIZE, SIZE, device=given.device),
        )

    @classmethod
    def before(cls, record: Record) -> Record:
        """The same heads with another expression and a slight turn, where the ways that ``observe`` tells begin."""
        other, column = sample(record.seed + OTHERWISE, full_circle=0.0), COLUMN["expression"]
        attributes, camera = record.attributes.clone(), record.camera.clone()
        attributes[:, column] = other.attributes[:, column]
        camera[:, :ANGLES] += TURN * other.camera[:, :ANGLES]
        return replace(record, attributes=attributes, expression=other.expression, camera=camera)

    @classmethod
    def parse(cls, argument: str) -> Self:
        """``0.5,0.8:0.5,0.9``, several parted by semicolons."""
        return cls([_read(words) for words in argument.split(";")])

    def within(self, mask: Tensor) -> Self:
        """The same wish where only what a mask (1, 1, H, W) in [0, 1] shows, 1 = may change, may change."""
        kept = {**self._kept(), "mask": _fitted(mask).to(self.mask.device).expand_as(self.mask).contiguous()}
        return self.of(**kept)

    def lengths(self) -> PerItem:
        """(B,) the mean length of the ways, in picture widths; 0 where there is none."""
        total: Tensor = (self.targets - self.handles).norm(dim=2).sum(1)
        return total / self.given.sum(1).clamp_min(1)

    def to_json(self) -> list[dict[str, Any]]:
        """``{"ways": [[[x, y], [x, y]], ...], "landmarks": [name or null, ...], "mask": PNG in base64 or null}``."""
        return [self._item(index) for index in range(len(self))]

    def _item(self, index: int) -> dict[str, Any]:
        """One item as JSON."""
        given, mask = self.given[index], self.mask[index, 0]
        ends = torch.stack((self.handles[index], self.targets[index]), dim=1)[given]
        levels = (mask * 255).round().to(torch.uint8).cpu().numpy()
        return {
            "ways": ends.tolist(),
            "landmarks": [None if which < 0 else LANDMARKS[which] for which in self.landmarks[index][given].tolist()],
            "mask": None if bool((mask == 1).all()) else png.to_text(levels),
        }

    @classmethod
    def from_json(cls, items: list[dict[str, Any]]) -> Self:
        """Inverse of ``to_json``; landmarks and mask may be left out. Raises what the constructor raises."""
        if not all(isinstance(item, Mapping) and "ways" in item for item in items):
            raise FormatError('each item must be {"ways": [[[x0, y0], [x1, y1]], ...]}', field=cls.modality)
        drags = [cls(item["ways"], item.get("landmarks") or (), _picture(item.get("mask"))) for item in items]
        names = drags[0]._kept()
        return cls.of(**{name: torch.cat([getattr(drag, name) for drag in drags]) for name in names})

    def describe(self) -> list[str]:
        """The ways in words."""
        items = self.to_json()
        return ["; ".join(map(_told, item["ways"], item["landmarks"])) or "nothing" for item in items]

    def preview(self, size: int) -> Tensor:
        """Ways in white from red to blue dots on black; grey where nothing may change."""
        locked = resize(self.mask, size) < 0.5
        picture = torch.where(locked, LOCKED, -1.0).expand(-1, 3, -1, -1)
        for start, end, radius, colour in (
            (self.handles, self.targets, SHAFT, WHITE),
            (self.handles, self.handles, DOT, RED),
            (self.targets, self.targets, DOT, BLUE),
        ):
            drawn = ((_near(start, end, size) < radius) & self.given[..., None, None]).any(1, keepdim=True)
            picture = torch.where(drawn, picture.new_tensor(colour)[:, None, None], picture)
        return picture


# --- from the world ---------------------------------------------------------------------------------------------------


def _landmarks(record: Record) -> Tensor:
    """(B, 32, 2) where the landmarks of heads are."""
    return project(record.camera, landmark_points(build_head(record)))[0]


def _some(available: Tensor, seeds: Tensor) -> tuple[Tensor, Tensor]:
    """(B, TOLD) indices of some of what is available (B, N), and whether each counts: at least one if there is any."""
    draws = uniforms(seeds, derive(0, f"tell/{Drag.modality}"), 1 + available.shape[1])
    which = draws[:, 1:].masked_fill(~available, 2.0).argsort(1)[:, :TOLD]
    count = 1 + (draws[:, :1] * TOLD).long()
    return which, available.gather(1, which) & (torch.arange(TOLD, device=which.device) < count)


def _padded(points: Tensor) -> Tensor:
    """(B, P, 2) -> (B, MOST, 2), with zeros for the points that are not given."""
    return functional.pad(points, (0, 0, 0, MOST - points.shape[1]))


# --- from what people write -------------------------------------------------------------------------------------------


def _read(words: str) -> list[list[float]]:
    """The way that ``x0,y0:x1,y1`` stands for."""
    try:
        return [[float(number) for number in point.split(",")] for point in words.split(":")]
    except ValueError:
        raise _no_way(words) from None


def _no_way(given: object) -> InputError:
    hint = "as in 0.5,0.8:0.5,0.9, from 0 to 1, (0, 0) at the top left"
    return InputError(f"a drag must be x0,y0:x1,y1, got {brief(given)}", field="drag", hint=hint)


def _checked(ways: Any) -> list[Any]:
    if not isinstance(ways, Sequence) or isinstance(ways, str):
        raise InputError(f"drags must be a list of ways, got {type(ways).__name__}", field="drag")
    if len(ways) > MOST:
        raise LimitError(f"{len(ways):,} points are dragged; the limit is {MOST}", field="drag")
    return [_way(way) for way in ways]


def _way(way: Any) -> tuple[tuple[float, float], tuple[float, float]]:
    try:
        (x0, y0), (x1, y1) = ((float(x), float(y)) for x, y in way)
    except (TypeError, ValueError, OverflowError):
        raise _no_way(way) from None
    for verb, x, y in (("begins", x0, y0), ("ends", x1, y1)):
        if not (0 <= x <= 1 and 0 <= y <= 1):
            fault = f"{verb} at what is not a number" if math.isnan(x + y) else f"{verb} outside the picture"
            hint = "x and y must be from 0 to 1, (0, 0) at the top left"
            raise InputError(f"a drag {fault}: {x:g},{y:g}", field="drag", hint=hint)
    if (x0, y0) == (x1, y1):
        hint = "let it end elsewhere"
        raise InputError(f"a drag ends where it begins: {x0:g},{y0:g}", field="drag", hint=hint)
    return (x0, y0), (x1, y1)


def _named(names: Any, count: int) -> Tensor:
    """(1, MOST) indices of landmarks."""
    if names and len(names) != count:
        hint = "use null where none is meant"
        raise InputError(f"{count} drags have {len(names)} landmarks", field="drag", hint=hint)
    indices = torch.full((1, MOST), ANYTHING)
    for place, name in enumerate(names):
        if name is not None and name not in LANDMARKS:
            hint = closest(str(name), LANDMARKS)
            raise InputError(f"there is no landmark {brief(name)}", field="drag", hint=hint)
        indices[0, place] = ANYTHING if name is None else LANDMARKS.index(name)
    return indices


def _picture(text: Any) -> Any:
    return None if text is None else png.from_text({"png": text}, "mask")


def _fitted(mask: Tensor | Source | None) -> Tensor:
    """(1, 1, 64, 64) in steps of 1/255."""
    if mask is None:
        return torch.ones(1, 1, SIZE, SIZE)
    values = mask if isinstance(mask, Tensor) else torch.from_numpy(grey(open_picture(mask, "mask")))[None, None]
    return (resize(values.float(), SIZE) * 255).round().clamp(0, 255) / 255


# --- for people -------------------------------------------------------------------------------------------------------


def _told(way: Way, name: str | None) -> str:
    (x0, y0), (x1, y1) = way
    return f"{name or 'what is'} at {x0:.2f},{y0:.2f} to {x1:.2f},{y1:.2f}"


def _near(start: Tensor, end: Tensor, size: int) -> Tensor:
    """(B, P, size, size) distance of each pixel from the line between points (B, P, 2), in picture widths."""
    axis = (torch.arange(size, device=start.device) + 0.5) / size
    pixels = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), dim=-1)
    way, place = (end - start)[:, :, None, None], pixels - start[:, :, None, None]
    share = ((place * way).sum(-1) / way.square().sum(-1).clamp_min(1e-9)).clamp(0, 1)
    distance: Tensor = (place - share[..., None] * way).norm(dim=-1)
    return distance
