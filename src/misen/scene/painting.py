"""Colours and labels drawn on the primitives: eyes, mouth, cheeks, wrinkles, strands, knitwear and lenses."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from misen.scene.anatomy import CLASSES
from misen.scene.attributes import BY_KEY, COLUMN
from misen.scene.head import Shape
from misen.scene.materials import MATERIAL_ID, Palette, mix
from misen.scene.primitives import PRIMITIVES
from misen.scene.raster import RIM, Hits
from misen.scene.record import Record


@dataclass
class Paint:
    """Appearance of S samples before light; painters refine it in place.

    Attributes:
        color: (3, S) linear albedo.
        label: (S,) class id.
        material: (S,) material id.
        normal: (3, S) camera-space normal.
        glow: (S,) light added on top (catch-lights).
    """

    color: Tensor
    label: Tensor
    material: Tensor
    normal: Tensor
    glow: Tensor


@dataclass(frozen=True)
class Canvas:
    """What painters look at.

    Attributes:
        record: B avatars.
        shape: their curves.
        palette: their colours.
        hits: S samples.
        surface: (3, S) canonical coordinates in head radii.
        up: (B, 3) the head's up direction in camera space.
    """

    record: Record
    shape: Shape
    palette: Palette
    hits: Hits
    surface: Tensor
    up: Tensor

    def on(self, *names: str) -> Tensor:
        """Indices of the samples on some primitives."""
        return _membership(names).to(self.hits.primitive.device)[self.hits.primitive].nonzero()[:, 0]

    def holds(self, key: str, value: str, samples: Tensor) -> Tensor:
        """(n,) float, 1 where the avatar of a sample has the attribute value."""
        chosen = self.record.attributes[:, COLUMN[key]] == BY_KEY[key].index(value)
        return chosen.float()[self.hits.item[samples]]


@cache
def _membership(names: tuple[str, ...]) -> Tensor:
    return torch.tensor([primitive.name in names for primitive in PRIMITIVES])


@cache
def _made_of(material: str) -> tuple[str, ...]:
    return tuple(primitive.name for primitive in PRIMITIVES if primitive.material == material)


def label_table() -> Tensor:
    """(P,) class id of every primitive."""
    return torch.tensor([CLASSES.index(primitive.label) for primitive in PRIMITIVES])


def material_table() -> Tensor:
    """(P,) material id of every primitive."""
    return torch.tensor([MATERIAL_ID[primitive.material] for primitive in PRIMITIVES])


def smooth(low: float | Tensor, high: float | Tensor, x: Tensor) -> Tensor:
    """The smooth step from 0 at ``low`` to 1 at ``high``."""
    t = ((x - low) / (high - low)).clamp(0, 1)
    return t * t * (3 - 2 * t)


def bump(x: Tensor, width: float) -> Tensor:
    """A Gaussian of one at zero."""
    return torch.exp(-(x / width).square())


def eye_lids(shape: Shape, side: str, x: Tensor) -> tuple[Tensor, Tensor]:
    """Heights of the upper and lower lid at (B, n) outward positions, in the eye's unit coordinates."""
    upper, lower, slant, width, blink = (
        shape.curve(f"{side} lids", name)[:, None] for name in ("upper", "lower", "slant", "width", "blink")
    )
    return lids(x, upper, lower, slant, width, blink)


def lids(x: Tensor, upper: Tensor, lower: Tensor, slant: Tensor, width: Tensor, blink: Tensor) -> tuple[Tensor, Tensor]:
    """Lid curves from their parameters, all broadcast together."""
    q = (1 - (x / width).square()).clamp(min=0)
    axis = -0.5 * slant * x
    bottom = axis - lower * q**0.65
    top = axis + upper * q**0.5 * (1 - 1.25 * slant * x)
    return bottom + (top - bottom) * (1 - blink).clamp(min=0.06), bottom


def lip_lines(
    x: Tensor, width: Tensor, up: Tensor, down: Tensor, corner: Tensor, upper: Tensor, lower: Tensor, line: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Outlines of the lips from top to bottom: outer upper, inner upper, inner lower, outer lower."""
    s = x / width
    q = (1 - s.square()).clamp(min=0)
    middle = corner * (s.square().clamp(max=1.3) - 0.45) + line
    inner_up, inner_down = middle + up * q**0.5, middle - down * q**0.5
    outer_up = inner_up + upper * q**0.6 * (1 - 0.30 * bump(s, 0.20))
    return outer_up, inner_up, inner_down, inner_down - lower * q**0.55


def _paint_eye(canvas: Canvas, paint: Paint, side: str) -> None:
    samples = canvas.on(f"{side} eye")
    item, (x, y, z) = canvas.hits.item[samples], canvas.hits.local[:, samples]
    sign = -1.0 if side == "left" else 1.0
    upper, lower, slant, width, blink, gaze_x, gaze_y, iris = canvas.shape.curves[f"{side} lids"][item].unbind(1)
    top, bottom = lids(sign * x, upper, lower, slant, width, blink)
    open_ = (
        smooth(-0.05, 0.05, top - y)
        * smooth(-0.05, 0.05, y - bottom)
        * smooth(-0.03, 0.03, width - x.abs())
        * (z > 0)
        * smooth(0.05, 0.20, 1 - blink)
    )
    radius = ((x - gaze_x).square() + (y - gaze_y).square()).sqrt()
    color = _eyeball(canvas.palette, item, (x - gaze_x, y - gaze_y), radius / iris)
    color = color * (1 - 0.38 * smooth(0.30, 0.0, top - y))
    feminine = canvas.holds("presentation", "feminine", samples)
    skin = paint.color[:, samples] * (1 - 0.12 * bump(y - top - 0.25, 0.15))
    lash = _lashes(sign * x, y - top, width, feminine) * (z > 0)
    skin = mix(skin, torch.full_like(skin, 0.012), lash.clamp(0, 1))
    paint.color[:, samples] = mix(skin, color, open_)
    paint.glow[samples] = open_ * _catch_lights(x - gaze_x, y - gaze_y)
    paint.label[samples] = torch.where(
        open_ > 0.5, torch.where(radius < iris, CLASSES.index("iris"), CLASSES.index("eye")), CLASSES.index("skin")
    )
    paint.material[samples] = torch.where(open_ > 0.5, MATERIAL_ID["eye"], paint.material[samples])


def _eyeball(palette: Palette, item: Tensor, offset: tuple[Tensor, Tensor], radius: Tensor) -> Tensor:
    """(3, n) white, iris with a dark rim and a lit lower half, and pupil."""
    white = palette.base[:, MATERIAL_ID["eye"]][item].T
    iris = palette.iris[item].T
    iris = iris * (0.85 - 1.1 * offset[1]).clamp(0.55, 1.5) * (1 - 0.62 * smooth(0.80, 1.0, radius))
    color = mix(iris, white, smooth(0.97, 1.07, radius))
    return mix(torch.full_like(color, 0.006), color, smooth(0.40, 0.50, radius))


def _catch_lights(x: Tensor, y: Tensor) -> Tensor:
    main = smooth(0.19, 0.12, ((x + 0.16).square() + (y - 0.20).square()).sqrt())
    small = smooth(0.10, 0.05, ((x - 0.17).square() + (y + 0.18).square()).sqrt())
    return main + 0.45 * small


def _lashes(outward: Tensor, above: Tensor, width: Tensor, feminine: Tensor) -> Tensor:
    """(n,) ink of the lash line: a hint for all, a winged fringe for feminine eyes."""
    reach = smooth(-0.02, 0.06, width + 0.06 * (1 + feminine) - outward.abs())
    line = smooth(0.0, -0.05, above.abs() - 0.045 - 0.085 * feminine) * reach
    spikes = smooth(0.45, 0.85, torch.cos(17 * (outward - 0.35 * above))) * smooth(0.42, 0.30, above) * (above > 0)
    wing = feminine * spikes * smooth(0.10, 0.40, outward) * smooth(1.05, 0.95, outward)
    return 0.85 * line * (0.55 + 0.45 * feminine) + wing


def _paint_mouth(canvas: Canvas, paint: Paint) -> None:
    samples = canvas.on("mouth")
    item, (x, y, z) = canvas.hits.item[samples], canvas.hits.local[:, samples]
    width, *numbers = canvas.shape.curves["lips"][item].unbind(1)
    outer_up, inner_up, inner_down, outer_down = lip_lines(x, width, *numbers)
    front = (z > 0) & (x.abs() < width)
    opening = inner_up - inner_down
    upper_lip = front & (y <= outer_up) & (y > inner_up)
    lower_lip = front & (y < inner_down) & (y >= outer_down)
    inside = front & (y <= inner_up) & (y >= inner_down) & (opening > 0.05)
    lips = canvas.palette.lips[item].T
    skin = paint.color[:, samples]
    seam = bump(y - 0.5 * (inner_up + inner_down), 0.055) * smooth(1.10, 0.98, x.abs() / width) * (opening < 0.10)
    color = torch.where(upper_lip, lips * 0.80, torch.where(lower_lip, lips * 1.08, skin))
    color = mix(color, color * 0.10, 0.9 * seam)
    cavity = _cavity(y, inner_up, inner_down)
    paint.color[:, samples] = torch.where(inside, cavity, color)
    paint.label[samples] = _choose((upper_lip, "upper lip"), (lower_lip, "lower lip"), (inside, "mouth"))
    swell = torch.where(
        lower_lip,
        0.9 * ((y - outer_down) / (inner_down - outer_down + 1e-3) - 0.35),
        torch.where(upper_lip, 0.5 * ((y - inner_up) / (outer_up - inner_up + 1e-3) - 0.9), 0.0),
    )
    _tilt(paint, samples, canvas.up[item].T * swell)


def _choose(*cases: tuple[Tensor, str]) -> Tensor:
    label = torch.full_like(cases[0][0], CLASSES.index("skin"), dtype=torch.int64)
    for where, name in cases:
        label = torch.where(where, CLASSES.index(name), label)
    return label


def _cavity(y: Tensor, top: Tensor, bottom: Tensor) -> Tensor:
    """(3, n) teeth above, tongue below, dark between; a slightly open mouth shows both rows of teeth."""
    dark, red, white = (
        torch.tensor(color, device=y.device)[:, None]
        for color in ((0.045, 0.008, 0.010), (0.50, 0.075, 0.085), (0.88, 0.87, 0.84))
    )
    tongue = smooth(0.05, 0.0, (y - bottom) / (top - bottom + 1e-3) - 0.34)
    opening = top - bottom
    row = (0.46 * opening).clamp(max=0.20)
    above, below = smooth(0.03, -0.03, top - y - row), smooth(0.03, -0.03, y - bottom - row)
    clenched = smooth(0.75, 0.55, opening)
    return mix(mix(dark, red, tongue), white, above.maximum(below * clenched))


def _tilt(paint: Paint, samples: Tensor, push: Tensor) -> None:
    """Bends the normals of some samples by (3, n) vectors."""
    bent = paint.normal[:, samples] + push
    paint.normal[:, samples] = bent / bent.square().sum(0).sqrt().clamp(min=1e-6)


def _paint_skin(canvas: Canvas, paint: Paint) -> None:
    samples = canvas.on(*_made_of("skin"))
    x, y, z = canvas.surface[:, samples]
    front = smooth(0.1, 0.4, z)
    aside = x.abs()
    old, young = (canvas.holds("age", value, samples) for value in ("old", "young"))
    cheeks = bump(aside - 0.50, 0.20) * bump(y + 0.27, 0.16) * front
    nose = bump(x, 0.2) * bump(y + 0.2, 0.12) * smooth(0.9, 1.1, z)
    on_nose = (paint.label[samples] == CLASSES.index("nose")).float()
    warmth = 0.30 * cheeks * (1 + 1.1 * young - 0.5 * old) + 0.14 * nose + 0.16 * on_nose
    pale = canvas.palette.skin[canvas.hits.item[samples]].T
    flush = pale * torch.tensor([1.02, 0.52, 0.47], device=x.device)[:, None]
    color = mix(paint.color[:, samples], flush, warmth)
    unlabelled = (paint.label[samples] == CLASSES.index("skin")) | (paint.label[samples] == CLASSES.index("nose"))
    on_neck = paint.label[samples] == CLASSES.index("neck")
    ink = old * (front * _wrinkles(x, y) * unlabelled + _neck_lines(x, y) * on_neck)
    color = color * (
        1 - canvas.holds("presentation", "masculine", samples) * (0.42 - 0.24 * young) * _shadow_of_beard(x, y, z)
    )
    freckles = canvas.record.detail[:, 5][canvas.hits.item[samples]] > 0.80
    ink = ink + 0.9 * freckles * cheeks * _speckle(x, y)
    paint.color[:, samples] = color * (1 - 0.50 * ink.clamp(0, 1)).pow(
        torch.tensor([0.8, 1.1, 1.15], device=x.device)[:, None]
    )


def _shadow_of_beard(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """(n,) density of shaven hair: jaw, chin and upper lip."""
    jaw = smooth(-0.36, -0.58, y - 0.25 * x.abs()) * smooth(-0.1, 0.25, z) * smooth(-1.20, -1.05, y)
    return jaw * (1 - 0.7 * bump(x, 0.30) * bump(y + 0.56, 0.12))


def _speckle(x: Tensor, y: Tensor) -> Tensor:
    return smooth(0.75, 1.0, torch.sin(43 * x + 9 * torch.sin(31 * y)) * torch.sin(47 * y + 7 * torch.sin(29 * x)))


def _wrinkles(x: Tensor, y: Tensor) -> Tensor:
    """(n,) depth of forehead lines, bags under the eyes, crow's feet and smile folds."""
    aside = x.abs()
    wave = 0.03 * torch.cos(5 * x)
    forehead = sum(bump(y - height - wave, 0.020) for height in (0.545, 0.655, 0.765)) * smooth(0.58, 0.38, aside)
    dx, dy = aside - 0.345, y - 0.03
    ring = (dx.square() + (dy * 1.05).square()).sqrt()
    bags = (bump(ring - 0.315, 0.026) + 0.8 * bump(ring - 0.39, 0.02)) * smooth(-0.08, -0.2, dy)
    angle = torch.atan2(dy, dx)
    feet = bump(torch.sin(4.5 * angle), 0.30) * bump(ring - 0.40, 0.07) * smooth(0.75, 0.45, angle.abs())
    fold = (
        bump(aside - 0.20 - 0.62 * (-0.24 - y).clamp(min=0) ** 0.9, 0.028)
        * smooth(-0.22, -0.30, y)
        * smooth(-0.74, -0.62, y)
    )
    return 0.8 * forehead + bags + 0.5 * feet + 1.2 * fold


def _neck_lines(x: Tensor, y: Tensor) -> Tensor:
    """(n,) depth of the creases around the neck."""
    sag = 0.05 * x.square()
    return sum((bump(y - height - sag, 0.022) for height in (-1.16, -1.27, -1.38)), torch.zeros_like(x))


def _paint_nostrils(canvas: Canvas, paint: Paint) -> None:
    samples = canvas.on("nose tip", "left nostril", "right nostril")
    x, y, _ = canvas.surface[:, samples]
    hole = bump(x.abs() - 0.085, 0.055) * bump(y + 0.325, 0.045)
    paint.color[:, samples] = paint.color[:, samples] * (1 - 0.75 * hole)


def _paint_ears(canvas: Canvas, paint: Paint) -> None:
    samples = canvas.on("left ear", "right ear")
    _, y, z = canvas.hits.local[:, samples]
    shell = smooth(0.75, 0.35, (y.square() + z.square()).sqrt())
    tint = torch.tensor([0.16, 0.30, 0.30], device=y.device)[:, None]
    paint.color[:, samples] = paint.color[:, samples] * (1 - tint * shell)


def _paint_hair(canvas: Canvas, paint: Paint) -> None:
    samples = canvas.on(*_made_of("hair"), *_made_of("beard"), *_made_of("brow"))
    x, y, z = canvas.surface[:, samples]
    azimuth = torch.atan2(x, z + 0.35)
    strand = torch.sin(17 * azimuth + 2.5 * torch.sin(4 * y)) + 0.6 * torch.sin(39 * azimuth - 5 * y)
    paint.color[:, samples] = paint.color[:, samples] * (1 + 0.11 * strand)
    stubble = canvas.on(*_made_of("stubble"))
    x, y, z = canvas.surface[:, stubble]
    grain = torch.sin(61 * x + 13 * y) * torch.sin(53 * y + 17 * z) * torch.sin(59 * z + 11 * x)
    paint.color[:, stubble] = paint.color[:, stubble] * (1 + 0.35 * grain)


def _paint_knitwear(canvas: Canvas, paint: Paint) -> None:
    for names, frequency in ((("beanie fold",), 40.0), (("beanie dome",), 26.0), (("neckband",), 22.0)):
        samples = canvas.on(*names)
        x, _, z = canvas.hits.local[:, samples]
        rib = torch.sin(frequency * torch.atan2(x, z))
        paint.color[:, samples] = paint.color[:, samples] * (1 + 0.09 * rib)


def _paint_lenses(canvas: Canvas, paint: Paint) -> None:
    dark = canvas.on(*_made_of("dark lens"))
    x, y, _ = canvas.hits.local[:, dark]
    tint = torch.tensor([0.05, 0.03, 0.02], device=x.device)[:, None]
    paint.color[:, dark] = paint.color[:, dark] + tint * smooth(0.6, -0.8, y)
    paint.glow[dark] = 0.13 * _streak(x, y)
    x, y, _ = canvas.hits.lens
    glass = (x < 5).float()
    paint.color = mix(paint.color, paint.color.new_tensor([0.75, 0.82, 0.9])[:, None], 0.07 * glass)
    paint.glow = paint.glow + glass * 0.16 * _streak(x, y)


def _streak(x: Tensor, y: Tensor) -> Tensor:
    """(n,) diagonal reflections across a lens of radius ``RIM``."""
    along = (x + 0.75 * y) / RIM
    return smooth(0.05, 0.12, along) * smooth(0.42, 0.35, along) + smooth(0.52, 0.56, along) * smooth(0.66, 0.62, along)


def paint_hits(canvas: Canvas) -> Paint:
    """Colours, labels and bent normals of every sample."""
    hits = canvas.hits
    material = material_table().to(hits.primitive.device)[hits.primitive]
    color = canvas.palette.base[hits.item, material].T.contiguous()
    label = label_table().to(hits.primitive.device)[hits.primitive]
    paint = Paint(color, label, material, hits.normal.clone(), torch.zeros_like(hits.depth))
    for side in ("left", "right"):
        _paint_eye(canvas, paint, side)
    _paint_mouth(canvas, paint)
    for painter in (_paint_skin, _paint_nostrils, _paint_ears, _paint_hair, _paint_knitwear, _paint_lenses):
        painter(canvas, paint)
    return paint
