"""Draws the pictures of this folder the way a person would in a paint program: strokes, filled shapes, an airbrush.

Nothing here knows the avatar world; run ``python draw.py`` to draw everything again.
"""

from __future__ import annotations

import math
import random
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SIZE = 512
FOLDER = Path(__file__).parent
CENTER = 256

COLORS = {
    "background": "#20242c", "skin": "#f2c9a1", "neck": "#c98f63", "ear": "#e58f8f", "nose": "#ffe08a",
    "eye": "#ffffff", "iris": "#3fa7d6", "brow": "#5a3d2b", "upper lip": "#d1495b", "lower lip": "#8c1c3a",
    "mouth": "#5c0a1e", "hair": "#8a5a2b", "facial hair": "#b08968", "hat": "#7b5ea7", "glasses": "#00c2a8",
    "earring": "#ffb400", "shirt": "#3d6fd1",
}  # fmt: skip
"""The published palette of segmentation maps."""


class Pen:
    """A pen in a hand that is not quite steady."""

    def __init__(self, draw: ImageDraw.ImageDraw, width: int = 5, color: str = "black", seed: int = 0) -> None:
        self.draw, self.width, self.color, self.hand = draw, width, color, random.Random(seed)

    def line(self, *points: tuple[float, float]) -> None:
        """A curve through ``points``."""
        path = [self._shaken(x, y) for x, y in smooth(points)]
        self.draw.line(path, fill=self.color, width=self.width, joint="curve")
        for x, y in (path[0], path[-1]):
            half = self.width / 2
            self.draw.ellipse((x - half, y - half, x + half, y + half), fill=self.color)

    def ring(self, x: float, y: float, across: float, down: float, start: float = 0, end: float = 380) -> None:
        """An ellipse, or a part of one in degrees, that overshoots a little where it closes."""
        angles = [math.radians(a) for a in np.linspace(start, end, 14)]
        self.line(*((x + across * math.cos(a), y + down * math.sin(a)) for a in angles))

    def both(self, *points: tuple[float, float]) -> None:
        """A curve and its mirror image."""
        self.line(*points)
        self.line(*((2 * CENTER - x, y) for x, y in points))

    def _shaken(self, x: float, y: float) -> tuple[float, float]:
        return x + self.hand.gauss(0, 0.7), y + self.hand.gauss(0, 0.7)


def smooth(points: tuple[tuple[float, float], ...], steps: int = 8) -> list[tuple[float, float]]:
    """A Catmull-Rom curve through points."""
    ends = [points[0], *points, points[-1]]
    path = []
    for a, b, c, d in zip(ends, ends[1:], ends[2:], ends[3:], strict=False):
        path += [tuple(_between(*axis, i / steps) for axis in zip(a, b, c, d, strict=True)) for i in range(steps)]
    return [*path, points[-1]]


def _between(a: float, b: float, c: float, d: float, t: float) -> float:
    return 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)


def paper(color: str = "white") -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """An empty sheet and what draws on it, without anti-aliasing."""
    sheet = Image.new("RGB", (SIZE, SIZE), color)
    return sheet, ImageDraw.Draw(sheet)


def oval(draw: ImageDraw.ImageDraw, x: float, y: float, across: float, down: float, color: str) -> None:
    """A filled ellipse."""
    draw.ellipse((x - across, y - down, x + across, y + down), fill=color)


def blob(draw: ImageDraw.ImageDraw, color: str, *points: tuple[float, float]) -> None:
    """A filled shape with a smooth outline."""
    draw.polygon(smooth((*points, points[0])), fill=color)


# --- sketches ------------------------------------------------------------------------------------------------------


def face(pen: Pen, smile: float) -> None:
    """Eyes, brows, nose, and a mouth whose corners lie ``smile`` pixels above its middle."""
    for x in (200, 312):
        pen.ring(x, 262, 24, 17)
        pen.ring(x, 262, 3, 3)
    pen.both((168, 216), (196, 204), (228, 212))
    pen.line((256, 272), (246, 312), (262, 322), (272, 314))
    pen.line((214, 366 - smile), (256, 366 + smile), (298, 366 - smile))


def shoulders(pen: Pen) -> None:
    """Neck and shoulders."""
    pen.both((222, 418), (220, 446))
    pen.both((220, 440), (150, 458), (108, 520))


def sketch_round_glasses() -> Image.Image:
    """Somebody with long hair and round glasses, smiling."""
    sheet, draw = paper()
    pen = Pen(draw, seed=1)
    pen.line((136, 250), (144, 350), (200, 412), (256, 430), (312, 412), (368, 350), (376, 250))
    pen.line((104, 430), (92, 300), (110, 150), (190, 72), (256, 62), (330, 74), (402, 150), (420, 300), (408, 430))
    pen.line((136, 262), (150, 180), (250, 128), (370, 176), (378, 262))
    pen.both((104, 430), (140, 436), (152, 392))
    pen.ring(200, 264, 48, 48)
    pen.ring(312, 264, 48, 48)
    pen.line((247, 256), (256, 252), (265, 256))
    face(pen, smile=14)
    shoulders(pen)
    return sheet


def sketch_top_hat() -> Image.Image:
    """Somebody with a top hat and a mustache, not amused."""
    sheet, draw = paper()
    pen = Pen(draw, seed=2)
    pen.line((134, 190), (138, 300), (176, 390), (256, 432), (336, 390), (374, 300), (378, 190))
    draw.polygon([(76, 166), (436, 166), (440, 188), (72, 188)], fill="black")
    pen.line((150, 164), (146, 20), (366, 20), (362, 164))
    pen.both((134, 250), (112, 252), (112, 300), (140, 312))
    face(pen, smile=-8)
    pen.width = 10
    pen.both((256, 340), (226, 334), (196, 352))
    pen.width = 5
    shoulders(pen)
    return sheet


# --- segmentation maps ---------------------------------------------------------------------------------------------


def head(draw: ImageDraw.ImageDraw) -> None:
    """Shirt, neck, ears and face, from the back to the front."""
    blob(draw, COLORS["shirt"], (84, 560), (110, 462), (190, 440), (256, 452), (322, 440), (402, 462), (428, 560))
    draw.rectangle((218, 390, 294, 450), fill=COLORS["neck"])
    for x in (130, 382):
        oval(draw, x, 272, 18, 30, COLORS["ear"])
    blob(
        draw,
        COLORS["skin"],
        (134, 220),
        (144, 340),
        (200, 410),
        (256, 428),
        (312, 410),
        (368, 340),
        (378, 220),
        (256, 120),
    )


def features(draw: ImageDraw.ImageDraw) -> None:
    """Brows, eyes, nose and a smiling mouth."""
    for x in (200, 312):
        draw.line([(x - 30, 216), (x, 206), (x + 30, 216)], fill=COLORS["brow"], width=14)
        oval(draw, x, 262, 28, 22, COLORS["eye"])
        oval(draw, x, 262, 14, 15, COLORS["iris"])
    blob(draw, COLORS["nose"], (250, 240), (238, 308), (256, 322), (274, 308), (262, 240))
    blob(draw, COLORS["upper lip"], (208, 352), (240, 348), (256, 354), (272, 348), (304, 352), (256, 366))
    blob(draw, COLORS["mouth"], (210, 354), (256, 364), (302, 354), (256, 384))
    blob(draw, COLORS["lower lip"], (214, 366), (256, 380), (298, 366), (256, 398))


def segmentation_beanie() -> Image.Image:
    """Somebody with a beanie, sunglasses and a beard."""
    sheet, draw = paper(COLORS["background"])
    head(draw)
    features(draw)
    beard = (
        (140, 300),
        (160, 340),
        (210, 338),
        (256, 342),
        (302, 338),
        (352, 340),
        (372, 300),
        (340, 400),
        (256, 442),
        (172, 400),
    )
    blob(draw, COLORS["facial hair"], *beard)
    blob(draw, COLORS["lower lip"], (222, 362), (256, 358), (290, 362), (256, 382))
    blob(draw, COLORS["hat"], (122, 196), (140, 110), (256, 44), (372, 110), (390, 196), (256, 176))
    oval(draw, 256, 44, 26, 24, COLORS["hat"])
    for x in (198, 314):
        draw.rounded_rectangle((x - 48, 234, x + 48, 292), 16, fill=COLORS["glasses"])
    draw.line([(130, 252), (382, 252)], fill=COLORS["glasses"], width=10)
    return sheet


def segmentation_bun() -> Image.Image:
    """Somebody with a bun and earrings."""
    sheet, draw = paper(COLORS["background"])
    oval(draw, 256, 66, 56, 46, COLORS["hair"])
    blob(
        draw,
        COLORS["hair"],
        (118, 290),
        (120, 170),
        (190, 100),
        (256, 88),
        (322, 100),
        (392, 170),
        (394, 290),
        (256, 260),
    )
    head(draw)
    blob(
        draw,
        COLORS["hair"],
        (130, 250),
        (140, 150),
        (256, 96),
        (372, 150),
        (382, 250),
        (340, 176),
        (256, 152),
        (172, 176),
    )
    features(draw)
    for x in (126, 386):
        oval(draw, x, 320, 11, 15, COLORS["earring"])
    return sheet


# --- depth, a painting, and a mask ---------------------------------------------------------------------------------


def depth_mohawk() -> Image.Image:
    """Somebody with a mohawk, airbrushed: the nearer, the brighter."""
    strokes = [
        (256, 520, 170, 80, 0.50), (256, 430, 42, 50, 0.52), (256, 70, 20, 62, 0.62), (256, 150, 22, 60, 0.68),
        (130, 272, 16, 30, 0.52), (382, 272, 16, 30, 0.52), (256, 270, 122, 158, 0.72), (256, 300, 20, 34, 0.77),
    ]  # fmt: skip
    rows, columns = np.mgrid[:SIZE, :SIZE] + 0.5
    nearness = np.zeros((SIZE, SIZE))
    for x, y, across, down, height in strokes:
        bulge = 1 - ((columns - x) / across) ** 2 - ((rows - y) / down) ** 2
        nearness = np.maximum(nearness, np.where(bulge > 0, height - 0.2 * (1 - np.sqrt(np.clip(bulge, 0, 1))), 0))
    return Image.fromarray((nearness * 65535).astype(np.uint16))


def painting() -> Image.Image:
    """A person in a green shirt before a blue wall, painted in a few flat colors."""
    sheet, draw = paper("#8fb4e8")
    blob(draw, "#6b3f22", (112, 420), (104, 260), (150, 120), (256, 76), (362, 120), (408, 260), (400, 420), (256, 400))
    blob(draw, "#2f8f4e", (70, 560), (104, 462), (190, 436), (256, 452), (322, 436), (408, 462), (442, 560))
    draw.rectangle((218, 390, 294, 448), fill="#d99f7a")
    blob(
        draw, "#efbf9a", (136, 220), (146, 340), (200, 408), (256, 428), (312, 408), (366, 340), (376, 220), (256, 116)
    )
    blob(draw, "#6b3f22", (128, 270), (140, 150), (256, 88), (372, 150), (384, 270), (350, 176), (256, 146), (166, 186))
    for x in (200, 312):
        draw.line([(x - 28, 218), (x, 210), (x + 28, 218)], fill="#4a2a15", width=10)
        oval(draw, x, 264, 27, 20, "white")
        oval(draw, x, 264, 14, 15, "#6b4a2b")
        oval(draw, x, 264, 6, 7, "black")
    draw.line([(256, 276), (246, 316), (268, 318)], fill="#c98f6a", width=8)
    blob(draw, "#c2474f", (212, 360), (256, 368), (300, 360), (256, 392))
    return sheet.filter(ImageFilter.GaussianBlur(1.5))


def mask_above_the_brows() -> Image.Image:
    """White where a hat would go."""
    sheet = Image.new("L", (SIZE, SIZE), 0)
    ImageDraw.Draw(sheet).rectangle((40, 0, 472, 196), fill=255)
    return sheet


def mask_eyes() -> Image.Image:
    """White where glasses would go."""
    sheet = Image.new("L", (SIZE, SIZE), 0)
    ImageDraw.Draw(sheet).rectangle((112, 196, 400, 330), fill=255)
    return sheet


PICTURES = {
    "sketch-round-glasses": sketch_round_glasses,
    "sketch-top-hat": sketch_top_hat,
    "segmentation-beanie": segmentation_beanie,
    "segmentation-bun": segmentation_bun,
    "depth-mohawk": depth_mohawk,
    "painting": painting,
    "mask-above-the-brows": mask_above_the_brows,
    "mask-eyes": mask_eyes,
}

if __name__ == "__main__":
    for name, drawn in PICTURES.items():
        drawn().save(FOLDER / f"{name}.png", optimize=True)
