"""From a record to everything that can be seen of it: pixel truth, landmarks and the visibility of attributes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

from misen.scene.anatomy import CLASSES, LANDMARKS
from misen.scene.attributes import BY_KEY, COLUMN, KEYS
from misen.scene.camera import project
from misen.scene.head import Head
from misen.scene.observation import Observation
from misen.scene.painting import eye_lids, lip_lines
from misen.scene.primitives import COVERING, INDEX, PRIMITIVES
from misen.scene.record import Record
from misen.scene.renderer import Samples, chunks, develop, render_samples

DEPTH_RANGE = 2.0
"""Depth 1 lies this many head radii in front of the head's centre, depth 0 as many behind."""
SURFACE_SCALE = 2.6
"""Head radii per unit of the surface coordinates."""
ENOUGH = 6
"""Pixels at 64 px that make a thing visible."""
SWATCH = 16
"""Pixels at 64 px that tell the colour of hair, whose strands and stubble vary."""
FACING, FRONT, BEHIND = 1.13, 1.22, 1.75
"""Yaw, in radians, up to which details of the face, the face, and the neckline can be judged."""
TOLERANCE = 0.12
"""Depth, in head radii, by which a landmark may lie under the visible surface."""


@dataclass(frozen=True)
class _Pixels:
    """The representative sample of each pixel: (B, H, W) index into the samples, -1 for the background."""

    index: Tensor

    def take(self, values: Tensor) -> Tensor:
        """(B, C, H, W) of (C, S) sample values, zero on the background."""
        picked: Tensor = values[:, self.index.clamp(min=0)] * (self.index >= 0)
        return picked.transpose(0, 1)


def _blocks(grid: Tensor, factor: int) -> Tensor:
    """(B, H, W, factor * factor) samples of each pixel of a (B, n, n) grid."""
    size = grid.shape[1] // factor
    blocks = grid.view(-1, size, factor, size, factor).transpose(2, 3)
    return blocks.flatten(3)


def _represent(samples: Samples, batch: int, size: int) -> _Pixels:
    """Picks, for every pixel, a sample of the class most of its samples have."""
    index = torch.full((batch * samples.side**2,), -1, device=samples.color.device)
    index[samples.hits.where] = torch.arange(len(samples.hits.where), device=index.device)
    blocks = _blocks(index.view(batch, samples.side, samples.side), samples.side // size)
    labels = torch.where(blocks >= 0, samples.paint.label[blocks.clamp(min=0)], 0)
    votes = (labels[..., :, None] == labels[..., None, :]).sum(-1)
    return _Pixels(blocks.gather(3, votes.argmax(-1, keepdim=True))[..., 0])


def _named(name: str) -> tuple[str, str, float]:
    """(rest of the name, side, sign) of a name that begins with left or right."""
    side, rest = name.split(" ", 1)
    return rest, side, -1.0 if side == "left" else 1.0


_FIXED = {
    "brow outer": ("outer brow", (0.90, 0.0)),
    "brow middle": ("inner brow", (0.70, 0.0)),
    "brow inner": ("inner brow", (-0.90, 0.0)),
    "nostril": ("nostril", (0.35, -0.45)),
    "jaw": ("jaw", (0.90, -0.40)),
    "ear": ("ear", (0.75, 0.0)),
    "nose bridge": ("nose bridge", (0.0, 0.35)),
    "nose tip": ("nose tip", (0.0, 0.0)),
    "chin": ("chin", (0.0, -0.72)),
    "forehead": ("cranium", (0.0, 0.48)),
}
"""Landmarks at constant outward, upward unit coordinates of a primitive."""


def _eye_mark(head: Head, side: str, sign: float, place: str) -> Tensor:
    """(B, 2) unit coordinates of a corner, lid or pupil."""
    if place == "pupil":
        return torch.stack([head.shape.curve(f"{side} lids", f"gaze {axis}") for axis in "xy"], dim=1)
    width = head.shape.curve(f"{side} lids", "width")
    outward = {"eye outer": width, "eye inner": -width}.get(place, torch.zeros_like(width))
    top, bottom = eye_lids(head.shape, side, outward[:, None])
    height = {"eye top": top, "eye bottom": bottom}.get(place, 0.5 * (top + bottom))
    return torch.stack((sign * outward, height[:, 0]), dim=1)


def _mouth_mark(head: Head, name: str) -> Tensor:
    """(B, 2) unit coordinates of a mouth corner or the middle of a lip line."""
    width, *numbers = head.shape.curves["lips"].unbind(1)
    x = {"mouth left": -width, "mouth right": width}.get(name, torch.zeros_like(width))
    lines = dict(
        zip(
            ("upper lip top", "upper lip inner", "lower lip inner", "lower lip bottom"),
            lip_lines(x, width, *numbers),
            strict=True,
        )
    )
    return torch.stack((x, lines.get(name, lines["upper lip inner"])), dim=1)


def _mark(head: Head, name: str) -> tuple[int, Tensor]:
    """The primitive a landmark lies on and its (B, 2) unit coordinates."""
    batch = len(head.centres)
    if name in _FIXED:
        primitive, place = _FIXED[name]
        return INDEX[primitive], head.centres.new_tensor(place).expand(batch, 2)
    if "lip" in name or "mouth" in name:
        return INDEX["mouth"], _mouth_mark(head, name)
    rest, side, sign = _named(name)
    if rest in _FIXED:
        primitive, (x, y) = _FIXED[rest]
        return INDEX[f"{side} {primitive}"] if primitive != "jaw" else INDEX["jaw"], head.centres.new_tensor(
            (sign * x, y)
        ).expand(batch, 2)
    return INDEX[f"{side} eye"], _eye_mark(head, side, sign, rest)


def landmark_points(head: Head) -> Tensor:
    """(B, 32, 3) landmarks in head space."""
    marks = [_mark(head, name) for name in LANDMARKS]
    flat = torch.stack([place for _, place in marks], dim=1)
    rise = (1 - flat.square().sum(-1, keepdim=True)).clamp(min=0).sqrt()
    return head.points(
        torch.tensor([primitive for primitive, _ in marks], device=flat.device), torch.cat((flat, rise), dim=-1)
    )


def _landmarks(head: Head, record: Record, distance: Tensor) -> tuple[Tensor, Tensor]:
    """Places and visibility of landmarks, given (B, H, W) distances that are zero on the background."""
    places, depth = project(record.camera, landmark_points(head))
    size = distance.shape[-1]
    farthest = max_pool2d(distance[:, None], 3, stride=1, padding=1).flatten(1)
    column, row = (places * size).long().clamp(0, size - 1).unbind(-1)
    seen = depth <= farthest.gather(1, row * size + column) + TOLERANCE
    return places, seen & (places >= 0).all(-1) & (places < 1).all(-1)


def _counts(ids: Tensor, kinds: int) -> Tensor:
    """(B, kinds) pixels of each id of a (B, H, W) map, as if the picture were 64 px wide."""
    scale = (64 / ids.shape[-1]) ** 2
    counts = torch.zeros(len(ids), kinds, device=ids.device)
    return counts.scatter_add_(
        1, ids.flatten(1), torch.full((1, 1), scale, device=ids.device).expand(len(ids), ids[0].numel())
    )


@dataclass(frozen=True)
class _Evidence:
    """What the rules of visibility look at: attributes, the turn of the head, and pixels by class and by primitive."""

    record: Record
    classes: Tensor
    parts: Tensor

    def has(self, key: str, *values: str) -> Tensor:
        """(B,) bool: the attribute has one of the values."""
        wanted = torch.tensor([BY_KEY[key].index(value) for value in values], device=self.classes.device)
        return torch.isin(self.record.attributes[:, COLUMN[key]], wanted)

    def shows(self, *classes: str, pixels: int = ENOUGH) -> Tensor:
        """(B,) bool: enough pixels of some classes."""
        return self.classes[:, [CLASSES.index(name) for name in classes]].sum(1) >= pixels

    def shows_parts(self, *names: str) -> Tensor:
        """(B,) bool: enough pixels of the primitives whose names contain one of the words."""
        chosen = [i for i, primitive in enumerate(PRIMITIVES) if any(name in primitive.name for name in names)]
        return self.parts[:, chosen].sum(1) >= ENOUGH

    def within(self, yaw: float) -> Tensor:
        """(B,) bool: the head is turned by less than ``yaw``."""
        return torch.cos(self.record.camera[:, 0]) > torch.cos(torch.tensor(yaw))


def _hair_style(seen: _Evidence) -> Tensor:
    covered = seen.has("hat", *COVERING)
    bald = seen.has("hair_style", "bald")
    told_below = seen.has("hair_style", "long", "curly", "ponytail") & seen.shows("hair")
    return torch.where(covered, told_below, torch.where(bald, seen.shows_parts("cranium"), seen.shows("hair")))


def _earrings(seen: _Evidence) -> Tensor:
    bare_ears = seen.shows("ear") & ~seen.has("hair_style", "long")
    return torch.where(seen.has("earrings", "yes"), seen.shows("earring"), bare_ears)


def _facial_hair(seen: _Evidence) -> Tensor:
    return seen.within(FRONT) & (seen.has("facial_hair", "none") | seen.shows("facial hair"))


def attribute_visibility(seen: _Evidence) -> Tensor:
    """(B, 16) bool, by the rules of each attribute."""
    always = torch.ones(len(seen.record), dtype=torch.bool, device=seen.classes.device)
    face = seen.within(FACING) & seen.shows("skin")
    rules = {
        "skin_tone": seen.shows("skin", "neck", "ear", "nose"),
        "hair_style": _hair_style(seen),
        "hair_color": seen.shows("hair", pixels=SWATCH) & ~seen.has("hair_style", "bald"),
        "eye_color": seen.shows("iris") & ~seen.has("glasses", "sunglasses"),
        "glasses": face & (seen.has("glasses", "none") | seen.shows_parts(" rim", " lens")),
        "hat": seen.has("hat", "none") | seen.shows("hat"),
        "hat_color": seen.shows("hat"),
        "facial_hair": _facial_hair(seen),
        "earrings": _earrings(seen),
        "expression": face & seen.shows("upper lip", "lower lip", "mouth"),
        "shirt_color": seen.shows("shirt"),
        "shirt_style": seen.shows("shirt") & (seen.within(BEHIND) | seen.has("shirt_style", "hoodie")),
        "background": seen.shows("background"),
        "age": face,
        "presentation": face,
        "material": always,
    }
    return torch.stack([rules[key] for key in KEYS], dim=1)


def _depth(distance: Tensor, camera: Tensor) -> Tensor:
    """(B, 1, H, W) depth in [0, 1] of distances that are zero on the background."""
    near = (camera[:, 3] + DEPTH_RANGE)[:, None, None, None] - distance
    return (near / (2 * DEPTH_RANGE)).clamp(0.02, 1) * (distance > 0)


def _observe_chunk(record: Record, size: int, supersample: int) -> Observation:
    samples = render_samples(record, size * supersample)
    image, alpha = develop(record, samples, size)
    pixels = _represent(samples, len(record), size)
    hits, paint = samples.hits, samples.paint
    ids = pixels.take(torch.stack((paint.label, hits.primitive + 1)))
    continuous = pixels.take(torch.cat((hits.depth[None], hits.normal, samples.surface / SURFACE_SCALE)))
    distance, normals, surface = continuous.split((1, 3, 3), dim=1)
    landmarks, landmarks_visible = _landmarks(samples.head, record, distance[:, 0])
    evidence = _Evidence(record, _counts(ids[:, 0], len(CLASSES)), _counts(ids[:, 1], len(PRIMITIVES) + 1)[:, 1:])
    return Observation(
        image=image,
        alpha=alpha,
        segmentation=ids[:, 0].to(torch.uint8),
        depth=_depth(distance, record.camera),
        normals=normals,
        surface=surface,
        part=ids[:, 1].to(torch.uint8),
        landmarks=landmarks,
        landmarks_visible=landmarks_visible,
        attributes_visible=attribute_visibility(evidence),
    )


@torch.no_grad()
def observe(record: Record, size: int = 64, supersample: int = 2) -> Observation:
    """Everything that can be seen of B avatars.

    Args:
        record: B avatars, on any device.
        size: pixels per side; ``size * supersample`` must be a multiple of 8.
        supersample: samples per pixel side of the image; label maps take the class most samples of a pixel have.
    """
    return Observation.cat([_observe_chunk(part, size, supersample) for part in chunks(record, size * supersample)])
