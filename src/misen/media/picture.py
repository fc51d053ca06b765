"""Opening pictures safely: the content decides the format, the header decides the size, and errors say what was found.

What unusual files become: 1-bit is black and white; 16-bit greys keep their depth where a number is wanted and their
upper eight bits where a color is; CMYK goes through Pillow's conversion; transparency lies over white paper; a
rotation noted by a camera (EXIF) is applied; of an animation the first frame is used, with a warning.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageOps,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)
from torch import Tensor

from misen.core.errors import FormatError, InputError, LimitError, NotFoundError, StorageError

PIXEL_LIMIT = 64_000_000
"""Largest width times height that is decoded."""
BYTE_LIMIT = 256 * 2**20
"""Largest file that is read."""

T = TypeVar("T")

Source = Image.Image | np.ndarray | bytes | str | Path
"""What can be made a picture: Pillow's image, (H, W), (H, W, 3) or (H, W, 4) uint8, an encoded file, or its path."""

_READERS: dict[str, Callable[[BytesIO], Image.Image]] = {
    "PNG": PngImagePlugin.PngImageFile,
    "JPEG": JpegImagePlugin.JpegImageFile,
    "WebP": WebPImagePlugin.WebPImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
}
FORMATS = tuple(_READERS)
"""Names of the formats that can be opened."""

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "PNG"), (b"\xff\xd8\xff", "JPEG"), (b"GIF8", "GIF"), (b"BM", "BMP"),
    (b"II*\x00", "TIFF"), (b"MM\x00*", "TIFF"), (b"%PDF", "a PDF document"), (b"PK\x03\x04", "a zip archive"),
    (b"\x80\x02", "a pickle"), (b"\x80\x04", "a pickle"), (b"\x1f\x8b", "gzip data"), (b"\x7fELF", "a program"),
    (b"8BPS", "a Photoshop file"), (b"OggS", "Ogg sound"), (b"fLaC", "FLAC sound"), (b"ID3", "MP3 sound"),
)  # fmt: skip


def guess(data: bytes) -> str:
    """What the first bytes look like: one of ``FORMATS``, or a few words for an error message."""
    if not data:
        return "an empty file"
    if data[:4] == b"RIFF":
        return {b"WEBP": "WebP", b"WAVE": "WAV sound"}.get(data[8:12], "a RIFF file")
    if data[4:8] == b"ftyp":
        return "an MP4, HEIC or AVIF file"
    return next((name for signature, name in _SIGNATURES if data.startswith(signature)), _guess_text(data[:512]))


def _guess_text(start: bytes) -> str:
    try:
        text = start.decode("utf-8", errors="strict" if len(start) < 512 else "ignore").lstrip().lower()
    except UnicodeDecodeError:
        return f"bytes {start[:4].hex(' ')}"
    if "<svg" in text:
        return "an SVG drawing"
    if text.startswith("<"):
        return "HTML or XML text"
    if text.startswith(("{", "[")):
        return "JSON text"
    return "plain text" if "".join(text.split()).isprintable() else "binary data"


def read(path: str | Path) -> bytes:
    """The bytes of a file; raises ``NotFoundError``, ``StorageError`` or, over ``BYTE_LIMIT``, ``LimitError``."""
    path = Path(path)
    try:
        size = path.stat().st_size
        if size > BYTE_LIMIT:
            raise LimitError(f"{path.name} has {size:,} bytes; the limit is {BYTE_LIMIT:,}", field=path.name)
        with path.open("rb") as stream:
            return stream.read() if path.is_file() else stream.read(BYTE_LIMIT)  # a device may have no end
    except (FileNotFoundError, ValueError):  # a zero byte is in no name
        raise NotFoundError(f"there is no file {str(path)!r}", field=path.name, hint="check the path") from None
    except OSError as error:
        raise StorageError(f"{str(path)!r} cannot be read: {error.strerror}", field=path.name) from None


def decode(data: bytes, name: str = "picture") -> Image.Image:
    """A picture from its encoded bytes, upright, in its own mode.

    Args:
        data: the content of a file of one of ``FORMATS``.
        name: what to call it in messages, usually the file's name.

    Raises:
        FormatError: it is something else, or truncated or corrupt.
        LimitError: it claims more than ``PIXEL_LIMIT`` pixels; found before anything is decoded.
    """
    form = guess(data)
    if form not in _READERS:
        hint = f"accepted: {', '.join(FORMATS)}"
        raise FormatError(f"{name} is not a picture that can be opened: it looks like {form}", field=name, hint=hint)
    header = _attempt(_READERS[form], data, form, name)
    _check_size(header.size, name)
    _attempt(lambda stream: _READERS[form](stream).verify(), data, form, name)
    if (frames := _attempt(lambda _: getattr(header, "n_frames", 1), data, form, name)) > 1:
        warnings.warn(f"{name} is an animation of {frames} frames; the first one is used", stacklevel=2)
    _attempt(lambda _: header.load(), data, form, name)
    return _upright(header)


def _attempt(action: Callable[[BytesIO], T], data: bytes, form: str, name: str) -> T:
    """``action`` on the bytes, with whatever a decoder may raise said in our words."""
    try:
        return action(BytesIO(data))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise LimitError(f"{name} holds a frame over the limit of {PIXEL_LIMIT:,} pixels", field=name) from None
    except MemoryError:
        raise LimitError(f"{name} needs more memory than there is", field=name) from None
    except Exception as error:  # decoders raise nearly anything on malformed data
        raise FormatError(
            f"{name} is truncated or corrupt: its {form} data of {len(data):,} bytes cannot be decoded",
            field=name, hint="export it again, or convert it to PNG",
        ) from error  # fmt: skip


def _check_size(size: tuple[int, int], name: str) -> None:
    width, height = size
    if width * height > PIXEL_LIMIT:
        raise LimitError(
            f"{name} has {width} x {height} = {width * height:,} pixels; the limit is {PIXEL_LIMIT:,}",
            field=name, hint="scale it down first",
        )  # fmt: skip


def _upright(picture: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(picture)
    except Exception:  # an unreadable note about rotation does not spoil the pixels
        return picture


def open_picture(source: Source, name: str = "picture") -> Image.Image:
    """A picture from anything that holds one, upright, in its own mode; raises what ``decode`` and ``read`` raise."""
    if isinstance(source, str | Path):
        return decode(read(source), Path(source).name)
    if isinstance(source, bytes):
        return decode(source, name)
    if isinstance(source, np.ndarray):
        return _from_array(source, name)
    if isinstance(source, Image.Image):
        _check_size(source.size, name)
        return _upright(source)
    raise InputError(
        f"{name} must be a picture, got {type(source).__name__}",
        field=name, hint="give a path, encoded bytes, a Pillow image or a uint8 array",
    )  # fmt: skip


def open_pictures(sources: Source | Sequence[Source], name: str = "picture") -> list[Image.Image]:
    """One picture or several; see ``open_picture``."""
    listed = sources if isinstance(sources, Sequence) and not isinstance(sources, str | bytes) else [sources]
    return [open_picture(source, name) for source in listed]


def _from_array(pixels: np.ndarray, name: str) -> Image.Image:
    grey, color = pixels.ndim == 2, pixels.ndim == 3 and pixels.shape[-1] in (3, 4)
    if not (grey or color) or pixels.dtype != np.uint8 or 0 in pixels.shape:
        raise InputError(
            f"{name} must be uint8 of shape (H, W), (H, W, 3) or (H, W, 4), got {pixels.dtype} of {pixels.shape}",
            field=name,
        )
    _check_size((pixels.shape[1], pixels.shape[0]), name)
    return Image.fromarray(pixels)


def on_paper(picture: Image.Image) -> Image.Image:
    """The picture in RGB, what is transparent lying over white; 16-bit greys keep their upper eight bits."""
    if picture.mode.startswith("I") or picture.mode == "F":
        picture = Image.fromarray((grey(picture) * 255 + 0.5).astype(np.uint8))
    if picture.has_transparency_data:
        cutout = picture.convert("RGBA")
        paper = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(paper, cutout).convert("RGB")
    return picture.convert("RGB")


def grey(picture: Image.Image) -> np.ndarray:
    """(H, W) float32 luminance in [0, 1], with all bits of 16-bit files; transparency lies over white."""
    if picture.mode.startswith("I"):
        return np.asarray(picture).astype(np.float32).clip(0, 65535) / 65535
    if picture.mode == "F":
        return np.nan_to_num(np.asarray(picture, np.float32)).clip(0, 1)
    return np.asarray(on_paper(picture).convert("L"), np.float32) / 255


def color(picture: Image.Image) -> Tensor:
    """(1, 3, H, W) float32 in [-1, 1]."""
    pixels = torch.from_numpy(np.array(on_paper(picture)))
    return pixels.movedim(-1, 0)[None].float() / 127.5 - 1
