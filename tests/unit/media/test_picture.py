"""Pictures: the header is checked before anything is decoded, damage is named, unusual files have a defined meaning."""

from __future__ import annotations

import struct
import time
import tracemalloc
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from misen.core.errors import FormatError, InputError, LimitError, MisenError, NotFoundError, StorageError
from misen.media.picture import FORMATS, PIXEL_LIMIT, color, decode, grey, guess, on_paper, open_picture, open_pictures


def encoded(image: Image.Image, form: str = "PNG", **options) -> bytes:
    stream = BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def noise(mode: str = "RGB", size: int = 24) -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (size, size, 3), dtype=np.uint8)
    return Image.fromarray(pixels).convert(mode)


def claim(width: int, height: int) -> bytes:
    """A PNG of 65 bytes that claims a size."""
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_is_known_by_its_content(form: str, tmp_path: Path) -> None:
    data = encoded(noise(), form)
    path = tmp_path / "picture.wrong-suffix"
    path.write_bytes(data)
    assert guess(data) == form
    assert open_picture(path).size == (24, 24)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "an empty file"),
        (b"just a note", "plain text"),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG drawing"),
        (b"<!doctype html><html></html>", "HTML or XML text"),
        (b'{"a": 1}', "JSON text"),
        (b"%PDF-1.7", "a PDF document"),
        (b"\x80\x04\x95", "a pickle"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "WAV sound"),
        (b"\xfe\xed\xfa\xce rest", "bytes fe ed fa ce"),
    ],
)
def test_what_is_no_picture_is_named(data: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "face.png"
    path.write_bytes(data)
    with pytest.raises(FormatError) as caught:
        open_picture(path)
    assert words in str(caught.value)
    assert "face.png" in str(caught.value)
    assert "BytesIO" not in str(caught.value)
    assert "PNG, JPEG" in caught.value.hint


@pytest.mark.parametrize("side", [20_000, 10_000])
def test_bombs_are_refused_before_decoding(side: int) -> None:
    data = claim(side, side)
    tracemalloc.start()
    start = time.perf_counter()
    with pytest.raises(LimitError) as caught:
        decode(data, "bomb.png")
    seconds, (_, peak) = time.perf_counter() - start, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert f"{side * side:,}" in str(caught.value)
    assert f"{PIXEL_LIMIT:,}" in str(caught.value)
    assert seconds < 0.05
    assert peak < 50e6


@pytest.mark.parametrize("form", FORMATS)
def test_truncation_is_named(form: str) -> None:
    data = encoded(noise(size=64), form)
    with pytest.raises(FormatError, match="truncated or corrupt"):
        decode(data[: len(data) // 2], "half")


def test_a_truncated_photograph_is_named(shared_data: Path) -> None:
    with pytest.raises(FormatError, match=r"truncated\.jpg is truncated or corrupt"):
        open_picture(shared_data / "skimage_photos" / "truncated.jpg")


def test_every_flipped_bit_of_a_png_is_found_or_harmless() -> None:
    data = encoded(noise(size=8))
    truth = np.asarray(decode(data))
    for position in range(len(data)):
        flipped = bytearray(data)
        flipped[position] ^= 0x10
        try:
            pixels = np.asarray(decode(bytes(flipped)))
        except MisenError:
            continue
        assert np.array_equal(pixels, truth), position


STARTS = [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"BM", b"II*\x00", b"RIFF....WEBP", b""]


@given(st.sampled_from(STARTS), st.binary(max_size=200))
def test_no_bytes_do_worse_than_an_error_of_ours(start: bytes, tail: bytes) -> None:
    with pytest.raises(FormatError, match="picture"):
        decode(start + tail)


def test_one_bit_pictures_are_black_and_white() -> None:
    image = decode(encoded(noise("1")))
    assert set(np.unique(grey(image))) == {0.0, 1.0}


def test_sixteen_bits_are_kept_as_numbers_and_halved_as_colors() -> None:
    values = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    image = decode(encoded(Image.fromarray(values)))
    assert np.array_equal(grey(image), values.astype(np.float32) / 65535)
    assert np.abs(np.asarray(on_paper(image))[..., 0] / 255 - values / 65535).max() <= 0.5 / 255 + 1e-6


def test_cmyk_becomes_rgb() -> None:
    data = encoded(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG", quality=100)
    red, green, blue = np.asarray(on_paper(decode(data)))[4, 4]
    assert red > 240
    assert max(green, blue) < 15


def test_transparency_lies_over_white_paper() -> None:
    image = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    image.putpixel((1, 1), (255, 0, 0, 255))
    palette = image.convert("RGB").quantize(4)
    palette.info["transparency"] = palette.getpixel((0, 0))
    assert on_paper(decode(encoded(image))).getpixel((0, 0)) == (255, 255, 255)
    assert on_paper(decode(encoded(image))).getpixel((1, 1)) == (255, 0, 0)
    assert on_paper(decode(encoded(palette))).getpixel((2, 2)) == (255, 255, 255)


def test_a_camera_held_upright_is_turned() -> None:
    image = Image.new("RGB", (8, 4), "white")
    image.paste("black", (0, 0, 4, 4))
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = decode(encoded(image, "JPEG", exif=exif, quality=95))
    assert turned.size == (4, 8)
    assert turned.convert("L").getpixel((2, 1)) < 30
    assert turned.convert("L").getpixel((2, 6)) > 225


@pytest.mark.parametrize("form", ["GIF", "PNG", "WebP"])
def test_of_an_animation_the_first_frame_counts(form: str) -> None:
    frames = [Image.new("RGB", (8, 8), name) for name in ("red", "blue", "lime")]
    data = encoded(frames[0], form, save_all=True, append_images=frames[1:])
    with pytest.warns(UserWarning, match=r"clip is an animation of 3 frames; the first one is used"):
        image = decode(data, "clip")
    red, _, blue = on_paper(image).getpixel((4, 4))
    assert red > 200 > 60 > blue


def test_missing_and_unreadable_files_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"nothing\.png"):
        open_picture(tmp_path / "nothing.png")
    with pytest.raises(StorageError, match="cannot be read"):
        open_picture(tmp_path)


def test_arrays_and_images_are_accepted() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (6, 5, 3), dtype=np.uint8)
    assert np.array_equal(np.asarray(open_picture(pixels)), pixels)
    assert open_picture(Image.fromarray(pixels)).size == (5, 6)
    assert len(open_pictures([pixels, pixels[..., 0]])) == 2
    expected = torch.from_numpy(pixels).movedim(-1, 0)[None].float() / 127.5 - 1
    assert torch.equal(color(open_picture(pixels)), expected)


@pytest.mark.parametrize("wrong", [3, None, np.zeros((4, 4), np.float32), np.zeros((4, 4, 2), np.uint8)])
def test_other_things_are_refused(wrong: object) -> None:
    with pytest.raises(InputError, match="must be"):
        open_picture(wrong)
