"""PNG files: pixels with the text that says how they were made, and small maps as text inside JSON."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin

from misen.core.errors import FormatError
from misen.core.files import replace_file
from misen.media.picture import decode, guess, read

PARAMETERS = "parameters"
"""Key of the text chunk other tools read: prompt and settings in their grammar."""
RECIPE = "misen_recipe"
"""Key of the text chunk that holds our recipe as canonical JSON."""


def encode(pixels: np.ndarray, text: Mapping[str, str] | None = None, palette: bytes | None = None) -> bytes:
    """A PNG.

    Args:
        pixels: (H, W, 3) or (H, W) uint8, or (H, W) uint16.
        text: text chunks by key; anything Unicode.
        palette: red, green, blue bytes of each value, for (H, W) uint8.
    """
    image, chunks, stream = Image.fromarray(pixels), PngImagePlugin.PngInfo(), BytesIO()
    if palette is not None:
        image.putpalette(palette)
    for key, value in (text or {}).items():
        chunks.add_text(key, value)
    image.save(stream, "PNG", pnginfo=chunks)
    return stream.getvalue()


def save(path: str | Path, pixels: np.ndarray, *, parameters: str = "", recipe: str = "") -> None:
    """Write pixels (H, W, 3) uint8 atomically with the two text chunks; an empty text writes no chunk.

    Raises:
        StorageError: the folder or disk does not take the file.
    """
    text = {key: value for key, value in ((PARAMETERS, parameters), (RECIPE, recipe)) if value}
    replace_file(path, encode(pixels, text))


def texts(source: str | Path | bytes, name: str = "picture") -> dict[str, str]:
    """All text chunks of a PNG by key, ours and those of other tools.

    Raises:
        FormatError: it is no PNG, or is truncated or corrupt.
    """
    data, name = (source, name) if isinstance(source, bytes) else (read(source), Path(source).name)
    if (form := guess(data)) != "PNG":
        raise FormatError(f"{name} is not a PNG: it looks like {form}", field=name)
    decode(data, name)
    image = PngImagePlugin.PngImageFile(BytesIO(data))
    image.load()
    return {str(key): str(value) for key, value in image.text.items()}


def to_text(pixels: np.ndarray, palette: bytes | None = None) -> str:
    """A small map as base64 of its PNG; ``from_text`` inverts it exactly."""
    return base64.b64encode(encode(pixels, palette=palette)).decode("ascii")


def from_text(item: Mapping[str, Any], name: str) -> Image.Image:
    """The picture under ``"png"`` of a JSON object.

    Raises:
        FormatError: it is missing, or not base64 of a picture.
    """
    try:
        data = base64.b64decode(item["png"], validate=True)
    except (KeyError, TypeError, ValueError, binascii.Error):
        raise FormatError(f'{name} must be {{"png": "<base64 of a picture>"}}', field=name) from None
    return decode(data, name)
