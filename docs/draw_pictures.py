"""Draws ``images/pictures.png``, what the diffusion model makes of some wishes: ``python docs/draw_pictures.py``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

import misen
from misen import Depth, Landmarks, Segmentation, Sketch, Text
from misen.app.model import Model
from misen.core.files import replace_file
from misen.core.image import to_bytes
from misen.core.signal import Signal
from misen.media import png

HERE = Path(__file__).parent
TARGET, INPUTS = HERE / "images" / "pictures.png", HERE.parent / "examples" / "inputs"
SIDE, EACH, COLUMNS = 160, 3, 8
"""Pixels of a picture on the sheet; pictures per wish with a preview; pictures in a row."""
WORDS = (
    "a smiling woman with long red hair and round glasses",
    "a bald man with a gray beard and sunglasses",
    "an angry boy with a green mohawk",
    "an old lady in a purple hoodie, white hair in a bun",
    "a surprised girl with curly black hair and a yellow headband",
    "somebody sad wearing a blue beanie and an orange sweater",
    "一个戴着黑色礼帽的老爷爷",
    "戴圆眼镜的金发女孩，微笑",
)


def drawn() -> Iterator[Signal]:
    """What was drawn by hand, and where it lies."""
    yield Sketch.open(INPUTS / "sketch-round-glasses.png")
    yield Segmentation.open(INPUTS / "segmentation-bun.png")
    yield Landmarks.parse((INPUTS / "landmarks-surprised.json").read_text())
    yield Depth.open(INPUTS / "depth-mohawk.png")


def pictures(model: Model) -> Iterator[Tensor]:
    """(3, side, side) each, row by row, in the largest size there is."""
    sides = {"height": model.largest, "width": model.largest}
    for seed, words in enumerate(WORDS):
        yield model.synthesize(Text(words), seed=seed, **sides).images[0].tensor
    for signal in drawn():
        preview = signal.preview(model.largest)
        if preview is not None:
            yield preview[0]
        for seed in range(EACH):
            yield model.synthesize(signal, seed=seed, **sides).images[0].tensor


def main() -> None:
    """Make and write."""
    large = torch.stack([*pictures(misen.load("avatars/diffusion"))])
    made = functional.interpolate(large, SIDE, mode="bicubic", antialias=True)
    rows = made.clamp(-1, 1).unflatten(0, (-1, COLUMNS))
    sheet = torch.cat([torch.cat([*row], dim=2) for row in rows], dim=1)
    replace_file(TARGET, png.encode(to_bytes(sheet[None])[0].numpy()))


if __name__ == "__main__":
    main()
