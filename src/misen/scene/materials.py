"""What things are made of: the colours of every attribute value and how each material answers light."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from misen.scene.attributes import BY_KEY, CLOTH_COLORS, COLUMN
from misen.scene.record import Record

SKIN = {
    "very light": "ffdfcf",
    "light": "f2bd96",
    "tan": "d0935c",
    "brown": "9e6237",
    "dark": "70412a",
    "very dark": "40261c",
}
HAIR = {
    "black": "17151a",
    "brown": "5b331c",
    "blond": "edc46a",
    "red": "bf4616",
    "gray": "84878f",
    "white": "f7f4ee",
    "blue": "2a5be0",
    "green": "2aa44f",
}
EYES = {"brown": "4a2610", "blue": "1f8cf5", "green": "1fb04a", "hazel": "c98f1e", "gray": "93a1ad"}
CLOTH = {
    "red": "dc2a2e",
    "orange": "fb8a1e",
    "yellow": "fbd835",
    "green": "2fae52",
    "blue": "2a68e4",
    "purple": "8a3fd0",
    "white": "f6f5f1",
    "black": "1d1d22",
}
BACKGROUND = {
    "red": "e0666a",
    "orange": "f6ab62",
    "yellow": "f8e08a",
    "green": "79c48c",
    "blue": "74a4ee",
    "purple": "b089e2",
    "white": "efeff2",
    "black": "35363d",
}


def linear(colors: dict[str, str]) -> Tensor:
    """(n, 3) linear light of sRGB hexadecimal colours."""
    rgb = torch.tensor([[int(code[i : i + 2], 16) / 255 for i in (0, 2, 4)] for code in colors.values()])
    return rgb**2.2


@dataclass(frozen=True)
class Response:
    """How a material answers light.

    Attributes:
        wrap: how far diffuse light reaches behind the terminator.
        scatter: strength of the warm glow of the terminator.
        shine: strength of the highlight of the matte finish.
        gloss: strength of the highlight and reflections of the glossy finish.
        polish: exponent of the matte highlight.
    """

    wrap: float
    scatter: float
    shine: float
    gloss: float
    polish: float


_CLOTH = Response(0.30, 0.0, 0.03, 0.25, 12.0)
_METAL = Response(0.20, 0.0, 0.9, 1.2, 40.0)
MATERIALS: dict[str, Response] = {
    "skin": Response(0.42, 1.0, 0.06, 1.15, 14.0),
    "brow": Response(0.25, 0.0, 0.05, 0.3, 14.0),
    "hair": Response(0.25, 0.0, 0.16, 1.0, 18.0),
    "stubble": Response(0.30, 0.3, 0.05, 0.8, 14.0),
    "tie": _CLOTH,
    "hat": _CLOTH,
    "hat fold": _CLOTH,
    "hat brim": _CLOTH,
    "hat band": _CLOTH,
    "pompom": _CLOTH,
    "frame": Response(0.20, 0.0, 0.15, 0.8, 40.0),
    "clear lens": _METAL,
    "dark lens": Response(0.10, 0.0, 0.12, 0.5, 80.0),
    "beard": Response(0.25, 0.0, 0.08, 0.5, 16.0),
    "gold": _METAL,
    "shirt": _CLOTH,
    "trim": _CLOTH,
    "ribbing": _CLOTH,
    "button": _CLOTH,
    "cord": _CLOTH,
    "eye": Response(0.30, 0.0, 0.0, 0.3, 90.0),
}
"""Every material and its answer; the order is the material's id."""
MATERIAL_ID = {name: i for i, name in enumerate(MATERIALS)}


@cache
def responses() -> Tensor:
    """(materials, 5) table of ``Response`` fields."""
    return torch.tensor([list(vars(response).values()) for response in MATERIALS.values()])


def _choice(record: Record, key: str, colors: dict[str, str]) -> Tensor:
    table = linear({value: colors[value] for value in BY_KEY[key].values})
    return table.to(record.detail.device)[record.attributes[:, COLUMN[key]]]


def mix(a: Tensor, b: Tensor, amount: float | Tensor) -> Tensor:
    """Linear interpolation from ``a`` to ``b``."""
    return a + (b - a) * amount


@dataclass(frozen=True)
class Palette:
    """Colours of B avatars in linear light.

    Attributes:
        base: (B, materials, 3) in the order of ``MATERIALS``.
        skin: (B, 3).
        hair: (B, 3).
        iris: (B, 3).
        lips: (B, 3).
    """

    base: Tensor
    skin: Tensor
    hair: Tensor
    iris: Tensor
    lips: Tensor


def _lips(record: Record, skin: Tensor) -> Tensor:
    feminine = record.attributes[:, COLUMN["presentation"]] == BY_KEY["presentation"].index("feminine")
    shades = linear({"rose": "d8344f", "berry": "b01d4e", "coral": "ee5044"}).to(skin)
    paint = shades[(record.detail[:, 6] * 3).long()]
    natural = mix(skin, linear({"flesh": "bc4038"}).to(skin), 0.52) * 0.92
    return torch.where(feminine[:, None], mix(natural, paint, 0.82), natural)


def _contrast(cloth: Tensor, amount: float) -> Tensor:
    """A lighter shade of dark cloth, a darker shade of light cloth."""
    bright = cloth.mean(-1, keepdim=True) > 0.55
    return torch.where(bright, cloth * (1 - 0.55 * amount), mix(cloth, torch.ones_like(cloth), 0.45 * amount))


def _frames(record: Record) -> Tensor:
    shades = linear({"black": "1a1a1f", "tortoise": "5a2f1a", "navy": "1d2a55"}).to(record.detail)
    return shades[(record.detail[:, 7] * 3).long()]


def palette(record: Record) -> Palette:
    """The colours of every avatar, varied a little by ``Record.detail``."""
    shade = 0.94 + 0.12 * record.detail[:, :2]
    skin = _choice(record, "skin_tone", SKIN) * shade[:, :1]
    hair = _choice(record, "hair_color", HAIR) * shade[:, 1:]
    hat, shirt = _choice(record, "hat_color", CLOTH), _choice(record, "shirt_color", CLOTH)
    old = (record.attributes[:, COLUMN["age"]] == BY_KEY["age"].index("old"))[:, None]
    silver = linear({"silver": "a9a9ad"}).to(skin)
    brow = torch.where(old, mix(hair, silver, 0.75), mix(hair, skin, 0.12) * 0.62)
    white, one = torch.tensor([0.86, 0.86, 0.84], device=skin.device).expand_as(skin), torch.ones_like(skin)
    colors = {
        "skin": skin,
        "brow": brow,
        "hair": hair,
        "stubble": mix(skin, hair, 0.85) * 0.85,
        "tie": one * 0.05 + 0.25 * shirt,
        "hat": hat,
        "hat fold": _contrast(hat, 0.35),
        "hat brim": hat * 0.80,
        "hat band": _contrast(hat, 1.3),
        "pompom": _contrast(hat, 0.9),
        "frame": _frames(record),
        "clear lens": white,
        "dark lens": one * 0.012,
        "beard": mix(hair, silver, 0.35 * old.float()) * 0.92,
        "gold": linear({"gold": "ffc93c"}).to(skin).expand_as(skin),
        "shirt": shirt,
        "trim": _contrast(shirt, 0.9),
        "ribbing": _contrast(shirt, 0.4),
        "button": _contrast(shirt, -0.8),
        "cord": _contrast(shirt, 1.7),
        "eye": white,
    }
    base = torch.stack([colors[name] for name in MATERIALS], dim=1).clamp(0, 1)
    return Palette(base, skin, hair, _choice(record, "eye_color", EYES), _lips(record, skin))


def backdrop(record: Record, size: int) -> Tensor:
    """(B, 3, size, size) backgrounds in sRGB [0, 1]: a plain colour with a vignette, or a gradient of two."""
    steps = (torch.arange(size, device=record.detail.device) + 0.5) / size * 2 - 1
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    table = linear(BACKGROUND).to(record.detail) ** (1 / 2.2)
    chosen = record.attributes[:, COLUMN["background"]]
    count = len(CLOTH_COLORS)
    plain = table[chosen.clamp(max=count - 1)] * (0.97 + 0.06 * record.detail[:, 3:4])
    start = (record.detail[:, 4] * (count - 2)).long()
    stop = (start + 2 + (record.detail[:, 5] * (count - 5)).long()) % (count - 2)
    angle = record.detail[:, 3] * 2 * torch.pi
    along = 0.5 + 0.5 * (x * torch.cos(angle)[:, None, None] + y * torch.sin(angle)[:, None, None])
    blend = mix(table[start][:, :, None, None], table[stop][:, :, None, None], along.clamp(0, 1)[:, None])
    glow = 1.05 - 0.16 * (x.square() + (y + 0.2).square())
    is_gradient = (chosen == count)[:, None, None, None]
    return torch.where(is_gradient, blend, plain[:, :, None, None] * glow).clamp(0, 1)
