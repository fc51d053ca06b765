"""PNG files: text chunks round-trip, small maps round-trip."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from misen.core.errors import FormatError, StorageError
from misen.media import png

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 7, 3), dtype=np.uint8)


def test_pixels_and_both_texts_come_back(tmp_path: Path) -> None:
    path = tmp_path / "out.png"
    png.save(path, PIXELS, parameters="一个女人\nSteps: 20, Seed: 1", recipe='{"seed": 1}')
    assert np.array_equal(np.asarray(Image.open(path)), PIXELS)
    assert png.texts(path) == {"parameters": "一个女人\nSteps: 20, Seed: 1", "misen_recipe": '{"seed": 1}'}


def test_empty_texts_write_no_chunk(tmp_path: Path) -> None:
    path = tmp_path / "out.png"
    png.save(path, PIXELS)
    assert png.texts(path) == {}


def test_the_same_pixels_and_texts_are_the_same_bytes() -> None:
    assert png.encode(PIXELS, {"a": "b"}) == png.encode(PIXELS, {"a": "b"})


def test_texts_of_other_tools_are_read() -> None:
    assert png.texts(png.encode(PIXELS, {"workflow": "{}"})) == {"workflow": "{}"}


def test_what_is_no_png_has_no_texts(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(PIXELS).save(path, "JPEG")
    with pytest.raises(FormatError, match=r"a\.png is not a PNG: it looks like JPEG"):
        png.texts(path)
    with pytest.raises(FormatError, match="truncated or corrupt"):
        png.texts(png.encode(PIXELS, {"a": "b"})[:60])


@pytest.mark.parametrize("pixels", [PIXELS, PIXELS[..., 0], PIXELS[..., 0].astype(np.uint16) * 257])
def test_small_maps_round_trip_as_text(pixels: np.ndarray) -> None:
    again = png.from_text({"png": png.to_text(pixels)}, "map")
    assert np.array_equal(np.asarray(again), pixels)


@pytest.mark.parametrize("item", [{}, {"png": 3}, {"png": "!"}, {"png": "aGVsbG8="}, "text", None])
def test_text_that_holds_no_picture_is_refused(item: object) -> None:
    with pytest.raises(FormatError, match="map"):
        png.from_text(item, "map")


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="No such file or directory"):
        png.save(tmp_path / "nowhere" / "out.png", PIXELS)
