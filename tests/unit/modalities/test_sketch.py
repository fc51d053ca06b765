"""Drawings: which side is ink, thin lines that survive, and the score at two pixels."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from torch.nn import functional

from misen.core.errors import InputError
from misen.modalities.sketch.judge import SketchJudge
from misen.modalities.sketch.signal import Sketch


def drawn(size: int = 64, ink: str = "black", paper: str = "white", width: int = 1) -> Image.Image:
    picture = Image.new("RGB", (size, size), paper)
    ImageDraw.Draw(picture).ellipse((size // 4, size // 4, 3 * size // 4, 3 * size // 4), outline=ink, width=width)
    return picture


def test_dark_on_light_and_light_on_dark_are_one_drawing() -> None:
    assert torch.equal(Sketch(drawn()).ink, Sketch(drawn(ink="white", paper="black")).ink)


def test_pale_pencil_on_grey_paper_has_full_contrast() -> None:
    assert torch.equal(Sketch(drawn(ink="#909090", paper="#d0d0d0")).ink, Sketch(drawn()).ink)


def test_ink_on_transparent_film_is_ink_of_any_color() -> None:
    film = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    ImageDraw.Draw(film).line((0, 32, 63, 32), fill="white")
    ink = Sketch(film).ink
    assert ink[0, 0, 32].eq(1).all()
    assert ink.sum() == 64


def test_thin_lines_survive_being_made_smaller() -> None:
    ink = Sketch(drawn(1024)).ink
    assert ink.max() == 1
    ring = drawn(64)
    assert ink.gt(0.5).sum() >= 0.9 * Sketch(ring).ink.gt(0.5).sum()


def test_drawings_that_are_not_square_get_more_paper() -> None:
    tall = np.full((64, 32), 255, np.uint8)
    tall[:, 16] = 0
    ink = Sketch(tall).ink[0, 0]
    assert ink[:, 32].eq(1).all()
    assert ink.sum() == 64


@pytest.mark.parametrize("level", ["white", "black", "#808080"])
def test_a_blank_picture_is_refused(level: str) -> None:
    with pytest.raises(InputError, match="the drawing is blank"):
        Sketch(Image.new("RGB", (64, 64), level))


@pytest.mark.parametrize("wrong", [torch.full((8, 8), 2.0), torch.full((8, 8), float("nan")), torch.ones(8, 8).int()])
def test_tensors_that_are_no_ink_are_refused(wrong: torch.Tensor) -> None:
    with pytest.raises(InputError, match="ink must be"):
        Sketch(wrong)


def test_a_file_opens_as_an_option_does(tmp_path: Path) -> None:
    drawn(200).save(tmp_path / "face.png")
    assert torch.equal(Sketch.open(str(tmp_path / "face.png")).ink, Sketch.parse(str(tmp_path / "face.png")).ink)


def test_json_without_ink_is_looked_at_like_any_picture() -> None:
    item = Sketch(drawn(ink="white", paper="black")).to_json()[0]
    assert torch.equal(Sketch.from_json([{"png": item["png"]}]).ink, Sketch(drawn()).ink)


@pytest.mark.parametrize(("shift", "expected"), [(0, 1.0), (2, 1.0), (3, 0.0)])
def test_lines_match_up_to_two_pixels(shift: int, expected: float) -> None:
    labels = torch.zeros(1, 64, 64, dtype=torch.long)
    labels[:, 30:] = 1
    segmentation = functional.one_hot(labels, 17).movedim(-1, 1)
    reading = SimpleNamespace(segmentation=segmentation, depth=torch.zeros(1, 1, 64, 64))
    ink = torch.zeros(1, 1, 64, 64)
    ink[:, :, 29 + shift] = 1
    assert SketchJudge(lambda images: reading).score(torch.zeros(1, 3, 64, 64), Sketch(ink)).item() == expected


def test_an_empty_drawing_has_no_score() -> None:
    reading = SimpleNamespace(segmentation=torch.zeros(1, 17, 64, 64), depth=torch.zeros(1, 1, 64, 64))
    empty = Sketch(torch.zeros(1, 1, 64, 64))
    assert SketchJudge(lambda images: reading).score(torch.zeros(1, 3, 64, 64), empty).isnan().all()
