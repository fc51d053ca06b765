"""PNG files: text chunks round-trip, small maps round-trip, writing is all or nothing."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from misen.core.errors import FormatError, StorageError
from misen.media import atomic, png

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


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "out.png"
    path.write_bytes(b"before")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match=r"out\.png.*No space left on device"):
        atomic.write(path, b"after")
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupted_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", stop)
    with pytest.raises(KeyboardInterrupt):
        atomic.write(tmp_path / "out.png", b"after")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="No such file or directory"):
        png.save(tmp_path / "nowhere" / "out.png", PIXELS)


def test_written_files_are_readable_by_others(tmp_path: Path) -> None:
    mask = os.umask(0o022)
    try:
        atomic.write(tmp_path / "a", b"a")
    finally:
        os.umask(mask)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o644
