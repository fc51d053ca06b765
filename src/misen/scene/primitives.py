"""The parts list of a head: every ellipsoid, where it sits, what it is made of and when it is worn.

Units are head radii: x to the right of the picture, y up, z out of the face. Names that begin with ``left`` lie on
the left side of the picture. Adding a look means adding rows here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

Frame = Literal["head", "face", "skull"]
Outline = Literal["solid", "round rim", "square rim", "round lens", "square lens"]
Conditions = Mapping[str, tuple[str, ...]]

COVERING = ("beanie", "cap", "top hat")
"""Hats that hide the top of the head."""


@dataclass(frozen=True)
class Primitive:
    """One ellipsoid.

    Attributes:
        name: unique name; shape axes refer to it.
        label: its class in ``anatomy.CLASSES`` (painters may refine it).
        material: row of the palette it is coloured with.
        centre: position in its frame.
        radii: semi-axes in its frame.
        angles: yaw, pitch, roll in radians.
        frame: ``head`` is absolute; ``face`` slides on the skin (z is the lift above it, and the ellipsoid turns
            with the skin); ``skull`` is measured in the radii of the cranium, from its centre.
        blend: primitives of one group melt into each other.
        when: attribute values that must hold for it to exist.
        unless: attribute values that remove it.
        planes: half spaces ``normal . p > offset`` in unit-sphere coordinates; what is outside is cut away.
        outline: the part of a disc that is kept.
    """

    name: str
    label: str
    material: str
    centre: tuple[float, float, float]
    radii: tuple[float, float, float]
    angles: tuple[float, float, float] = (0.0, 0.0, 0.0)
    frame: Frame = "head"
    blend: str = ""
    when: Conditions = field(default_factory=dict)
    unless: Conditions = field(default_factory=dict)
    planes: tuple[tuple[float, float, float, float], ...] = ()
    outline: Outline = "solid"


def mirrored(primitive: Primitive) -> Iterator[Primitive]:
    """The left and the right copy of a primitive described on the right side (x > 0)."""
    x, y, z = primitive.centre
    yaw, pitch, roll = primitive.angles
    planes = tuple((-nx, ny, nz, offset) for nx, ny, nz, offset in primitive.planes)
    left = replace(primitive, name=f"left {primitive.name}", centre=(-x, y, z), angles=(-yaw, pitch, -roll))
    yield replace(left, planes=planes)
    yield replace(primitive, name=f"right {primitive.name}")


def skin() -> Iterator[Primitive]:
    """Skull, face and neck."""

    def part(name: str, centre: tuple[float, float, float], radii: tuple[float, float, float], label: str = "skin",
             angles: tuple[float, float, float] = (0.0, 0.0, 0.0), frame: Frame = "head") -> Primitive:
        return Primitive(name, label, "skin", centre, radii, angles, frame, blend="skin")

    yield part("cranium", (0.0, 0.20, -0.06), (0.93, 0.94, 0.98))
    yield part("jaw", (0.0, -0.40, 0.13), (0.76, 0.70, 0.72))
    yield part("chin", (0.0, -0.88, 0.46), (0.30, 0.20, 0.26))
    yield from mirrored(part("cheek", (0.40, -0.30, 0.42), (0.39, 0.38, 0.36)))
    yield part("nose bridge", (0.0, -0.04, -0.02), (0.095, 0.27, 0.11), "nose", (0.0, 0.12, 0.0), "face")
    yield part("nose tip", (0.0, -0.20, 0.10), (0.155, 0.125, 0.155), "nose", frame="face")
    yield from mirrored(part("nostril", (0.115, -0.225, 0.03), (0.085, 0.075, 0.10), "nose", frame="face"))
    yield from mirrored(part("ear", (0.93, -0.06, -0.08), (0.09, 0.25, 0.17), "ear", (0.45, 0.0, -0.12)))
    yield part("mouth", (0.0, -0.555, -0.15), (0.49, 0.37, 0.19), "skin", (0.0, -0.12, 0.0), "face")
    yield from mirrored(part("eye", (0.35, 0.03, -0.12), (0.31, 0.32, 0.18), "eye", frame="face"))
    yield part("neck", (0.0, -1.15, -0.14), (0.44, 0.85, 0.42), "neck")


def brows() -> Iterator[Primitive]:
    """Two strokes per eyebrow."""
    for name, x, y, roll, radii in (("inner brow", 0.26, 0.385, -0.16, (0.15, 0.05, 0.06)),
                                    ("outer brow", 0.45, 0.395, 0.22, (0.15, 0.042, 0.06))):
        stroke = Primitive(name, "brow", "brow", (x, y, 0.015), radii, (0.0, 0.0, roll), "face", blend="brow")
        yield from mirrored(stroke)


HAIRLINE = (0.0, 0.80, -0.60, 0.03)


def hair_caps() -> Iterator[Primitive]:
    """The shell of hair on the skull, one thickness per style."""
    sizes = {"buzz": 1.03, "short": 1.065, "curly": 1.06, "long": 1.075, "bun": 1.05, "ponytail": 1.05}
    for style, size in sizes.items():
        material = "stubble" if style == "buzz" else "hair"
        yield Primitive(f"{style} cap", "hair", material, (0.0, 0.01, -0.02), (size, size, size), frame="skull",
                        blend="hair", when={"hair_style": (style,)}, planes=(HAIRLINE,))


def lock(name: str, style: str, centre: tuple[float, float, float], radii: tuple[float, float, float],
         angles: tuple[float, float, float] = (0.0, 0.0, 0.0), *, frame: Frame = "skull", covered: bool = True,
         material: str = "hair") -> Primitive:
    """One lump of hair of a style; ``covered`` lumps vanish under a hat."""
    unless = {"hat": COVERING} if covered else {}
    return Primitive(name, "hair", material, centre, radii, angles, frame, "hair", {"hair_style": (style,)}, unless)


def short_hair() -> Iterator[Primitive]:
    """A swept quiff over a side parting."""
    yield lock("quiff front", "short", (0.10, 0.84, 0.52), (0.62, 0.27, 0.36), (0.0, -0.35, 0.16))
    yield lock("quiff side", "short", (-0.42, 0.78, 0.42), (0.36, 0.25, 0.38), (0.0, -0.3, -0.55))
    yield lock("quiff top", "short", (0.05, 0.96, 0.02), (0.66, 0.24, 0.62))
    yield lock("quiff tip", "short", (0.56, 0.66, 0.52), (0.30, 0.20, 0.28), (0.0, -0.3, 0.75))


def curly_hair(count: int = 62) -> Iterator[Primitive]:
    """Curls spread over the skull along a golden spiral."""
    for i in range(count):
        y = 1 - 2 * (i + 0.5) / count
        angle, ring = i * math.pi * (3 - math.sqrt(5)), math.sqrt(1 - y * y)
        x, z = ring * math.sin(angle), ring * math.cos(angle)
        if 0.80 * y - 0.60 * z > 0.06:
            size = 0.25 + 0.05 * math.sin(7.0 * i)
            curl = lock(f"curl {i}", "curly", (1.05 * x, 1.05 * y, 1.05 * z), (size, size, size))
            hats = (*(COVERING if y > 0.30 else ()), *(("headband",) if 0.12 < 0.97 * y - 0.24 * z < 0.68 else ()))
            yield replace(curl, unless={"hat": hats})


def long_hair() -> Iterator[Primitive]:
    """Curtains to the shoulders and a mane behind."""
    yield lock("mane", "long", (0.0, -0.50, -0.52), (0.98, 1.25, 0.52), frame="head", covered=False)
    for side in mirrored(lock("curtain", "long", (0.93, -0.50, -0.02), (0.24, 1.08, 0.40), (0.0, 0.0, 0.05),
                              frame="head", covered=False)):
        yield side
    for side in mirrored(lock("temple", "long", (0.76, 0.26, 0.30), (0.20, 0.50, 0.34), (0.35, -0.1, 0.30),
                              frame="head", covered=False)):
        yield side
    yield from mirrored(lock("parting", "long", (0.40, 0.76, 0.36), (0.50, 0.26, 0.50), (0.0, -0.35, 0.50)))


def gathered_hair() -> Iterator[Primitive]:
    """The bun, the ponytail and the mohawk."""
    yield lock("bun", "bun", (0.0, 1.24, -0.22), (0.43, 0.37, 0.43))
    yield lock("bun tie", "bun", (0.0, 0.98, -0.20), (0.30, 0.10, 0.30), material="tie")
    tail = ((0.34, 1.02, -0.74), (0.74, 0.98, -0.70), (1.03, 0.70, -0.58), (1.20, 0.30, -0.44), (1.27, -0.14, -0.30),
            (1.25, -0.56, -0.18), (1.16, -0.92, -0.10))
    for i, (x, y, z) in enumerate(tail):
        size, lean = 0.32 - 0.026 * max(i - 3, 0), (1.35, 0.95, 0.60, 0.30, 0.05, -0.12, -0.28)[i]
        yield lock(f"tail {i}", "ponytail", (x, y, z), (size, size * 1.35, size), (0.0, 0.0, -lean), covered=i < 2)
    yield lock("tail tie", "ponytail", (0.14, 0.92, -0.72), (0.20, 0.24, 0.20), material="tie", covered=True)
    for i in range(8):
        angle = math.radians(48 - 24 * i)
        y, z = math.cos(angle), math.sin(angle)
        height = 0.50 - 0.016 * (i - 2) ** 2
        yield lock(f"crest {i}", "mohawk", (0.0, 1.08 * y, 1.08 * z), (0.17, height, 0.24), (0.0, -angle, 0.0))


def hats() -> Iterator[Primitive]:
    """Beanie, cap, top hat and headband."""

    def part(name: str, hat: str, centre: tuple[float, float, float], radii: tuple[float, float, float],
             angles: tuple[float, float, float] = (0.0, 0.0, 0.0), material: str = "hat",
             planes: tuple[tuple[float, float, float, float], ...] = (), blend: str = "") -> Primitive:
        return Primitive(name, "hat", material, centre, radii, angles, "skull", blend, {"hat": (hat,)}, {}, planes)

    tilt = (0.0, 0.97, -0.24)
    back = (-tilt[0], -tilt[1], -tilt[2])
    yield part("beanie dome", "beanie", (0.0, 0.03, -0.03), (1.13, 1.22, 1.13), planes=((*tilt, 0.12),))
    yield part("beanie fold", "beanie", (0.0, 0.03, -0.03), (1.20, 1.24, 1.20), material="hat fold",
               planes=((*tilt, 0.10), (*back, -0.36)))
    yield part("pompom", "beanie", (0.0, 1.36, -0.12), (0.27, 0.25, 0.27), material="pompom")
    yield part("cap dome", "cap", (0.0, 0.02, -0.03), (1.13, 1.16, 1.13), planes=((0.0, 0.96, -0.28, 0.15),))
    yield part("cap brim", "cap", (0.0, 0.43, 1.02), (0.82, 0.08, 0.90), (0.0, -0.16, 0.0), "hat brim")
    yield part("cap button", "cap", (0.0, 1.17, -0.05), (0.10, 0.06, 0.10), material="hat brim")
    barrel = (0.0, 0.92, -0.10)
    yield part("crown", "top hat", barrel, (0.90, 2.1, 0.90), planes=((0.0, 1.0, 0.0, -0.20), (0.0, -1.0, 0.0, -0.315)))
    yield part("crown top", "top hat", (0.0, 1.58, -0.10), (0.855, 0.045, 0.855))
    yield part("crown band", "top hat", barrel, (0.93, 2.1, 0.93), material="hat band",
               planes=((0.0, 1.0, 0.0, -0.20), (0.0, -1.0, 0.0, 0.08)))
    yield part("top hat brim", "top hat", (0.0, 0.53, -0.06), (1.42, 0.065, 1.42), material="hat brim")
    yield part("headband", "headband", (0.0, 0.01, -0.02), (1.14, 1.14, 1.14), planes=((*tilt, 0.27), (*back, -0.50)))


def glasses() -> Iterator[Primitive]:
    """Rims, lenses, bridge and temples."""
    styles: tuple[tuple[str, Outline, Outline, tuple[float, float]], ...] = (
        ("round", "round rim", "round lens", (0.345, 0.345)), ("square", "square rim", "square lens", (0.44, 0.36)),
        ("sunglasses", "square rim", "square lens", (0.455, 0.385)))
    for style, rim, lens, (width, height) in styles:
        when = {"glasses": (style,)}
        centre, angles = (0.365, 0.01, 1.06), (0.16, 0.0, 0.0)
        dark = style == "sunglasses"
        yield from mirrored(Primitive(f"{style} rim", "glasses", "frame", centre, (width, height, 0.05), angles,
                                      when=when, outline=rim))
        yield from mirrored(Primitive(f"{style} lens", "glasses", "dark lens" if dark else "clear lens", centre,
                                      (width * 0.97, height * 0.97, 0.03), angles, when=when, outline=lens))
    worn = {"glasses": ("round", "square", "sunglasses")}
    yield Primitive("glasses bridge", "glasses", "frame", (0.0, 0.05, 1.11), (0.11, 0.035, 0.035), when=worn)
    yield from mirrored(Primitive("glasses temple", "glasses", "frame", (0.85, 0.05, 0.46), (0.03, 0.04, 0.60),
                                  (-0.22, 0.0, 0.0), when=worn))


def facial_hair() -> Iterator[Primitive]:
    """Mustache, goatee and beard."""

    def tuft(name: str, centre: tuple[float, float, float], radii: tuple[float, float, float],
             angles: tuple[float, float, float], *kinds: str) -> Primitive:
        return Primitive(name, "facial hair", "beard", centre, radii, angles, "face", "beard", {"facial_hair": kinds})

    yield from mirrored(tuft("mustache", (0.17, -0.37, 0.0), (0.26, 0.10, 0.12), (0.0, 0.0, 0.30), "mustache"))
    yield tuft("goatee tuft", (0.0, -0.93, 0.0), (0.25, 0.23, 0.17), (0.0, -0.3, 0.0), "goatee")
    yield from mirrored(tuft("goatee side", (0.31, -0.63, -0.04), (0.075, 0.30, 0.12), (0.0, 0.0, -0.12), "goatee"))
    yield from mirrored(tuft("goatee lip", (0.16, -0.365, -0.01), (0.20, 0.06, 0.09), (0.0, 0.0, 0.32), "goatee"))
    yield from mirrored(tuft("beard lip", (0.18, -0.365, 0.0), (0.27, 0.085, 0.10), (0.0, 0.0, 0.34), "beard"))
    yield from mirrored(Primitive(
        "beard side", "facial hair", "beard", (0.0, -0.44, 0.12), (0.80, 0.74, 0.77), blend="beard",
        when={"facial_hair": ("beard",)}, planes=((0.0, -0.86, 0.50, 0.16), (1.0, 0.0, 0.0, 0.40))))
    yield Primitive("beard chin", "facial hair", "beard", (0.0, -0.95, 0.40), (0.48, 0.27, 0.38), blend="beard",
                    when={"facial_hair": ("beard",)})


def trimmings() -> Iterator[Primitive]:
    """Earrings."""
    worn = {"earrings": ("yes",)}
    yield from mirrored(Primitive("stud", "earring", "gold", (0.965, -0.31, -0.02), (0.075, 0.075, 0.075), when=worn))
    yield from mirrored(Primitive("drop", "earring", "gold", (0.975, -0.50, -0.02), (0.095, 0.135, 0.095), when=worn))


def shirts() -> Iterator[Primitive]:
    """A torso and three necklines."""

    def cloth(name: str, centre: tuple[float, float, float], radii: tuple[float, float, float],
              angles: tuple[float, float, float] = (0.0, 0.0, 0.0), material: str = "shirt", style: str = "",
              planes: tuple[tuple[float, float, float, float], ...] = ()) -> Primitive:
        when = {"shirt_style": (style,)} if style else {}
        return Primitive(name, "shirt", material, centre, radii, angles, "head", "shirt", when, {}, planes)

    yield cloth("torso", (0.0, -2.32, -0.18), (1.16, 0.98, 0.74))
    yield cloth("yoke", (0.0, -1.78, -0.22), (0.88, 0.40, 0.46))
    yield from mirrored(cloth("shoulder", (0.92, -2.32, -0.20), (0.56, 0.70, 0.52)))
    yield cloth("neckband", (0.0, -1.46, -0.13), (0.575, 0.13, 0.54), (0.0, -0.20, 0.0), "ribbing", "crew")
    yield cloth("collar stand", (0.0, -1.38, -0.17), (0.55, 0.18, 0.50), (0.0, -0.18, 0.0), "trim", "collar")
    wing = cloth("collar wing", (0.29, -1.47, 0.32), (0.36, 0.17, 0.09), (0.42, 0.45, -0.62), "trim", "collar")
    yield from mirrored(wing)
    yield cloth("placket", (0.0, -2.00, 0.42), (0.10, 0.48, 0.17), (0.0, 0.0, 0.0), "trim", "collar")
    for i, y in enumerate((-1.74, -1.96)):
        yield cloth(f"button {i}", (0.0, y, 0.56 + 0.03 * i), (0.05, 0.05, 0.04), material="button", style="collar")
    yield cloth("hood", (0.0, -1.20, -0.62), (0.90, 0.52, 0.46), (0.0, -0.3, 0.0), "shirt", "hoodie")
    roll = cloth("hood roll", (0.50, -1.34, -0.02), (0.25, 0.26, 0.60), (-0.52, -0.35, 0.0), "shirt", "hoodie")
    yield from mirrored(roll)
    yield from mirrored(cloth("cord", (0.19, -1.76, 0.53), (0.042, 0.27, 0.05), (0.0, 0.14, -0.05), "cord", "hoodie"))
    yield from mirrored(cloth("cord end", (0.205, -2.02, 0.60), (0.06, 0.075, 0.06), material="cord", style="hoodie"))


PRIMITIVES: tuple[Primitive, ...] = (
    *skin(), *brows(), *hair_caps(), *short_hair(), *curly_hair(), *long_hair(), *gathered_hair(), *hats(), *glasses(),
    *facial_hair(), *trimmings(), *shirts(),
)
INDEX: Mapping[str, int] = {primitive.name: i for i, primitive in enumerate(PRIMITIVES)}
"""Position of each primitive, by name."""
