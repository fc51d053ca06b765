"""Whatever bytes come in, what comes out is a value or an error of ours: no trace, no hang, no code run."""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import save
from torch import arange

import misen
from misen.app import Recipe
from misen.core.errors import MisenError
from misen.media.picture import FORMATS, color, decode
from misen.nn.weights import read_tensors
from misen.training.config import parse_config

FORBIDDEN = {"os.system", "subprocess.Popen", "os.exec", "os.posix_spawn", "socket.connect", "pickle.find_class"}
"""Events of the interpreter that no file may cause."""
SECONDS = 1.0
"""Of the processor, per input."""
CAUSED: list[str] = []


@pytest.fixture(scope="module", autouse=True)
def no_code_is_run():
    sys.addaudithook(lambda event, _: CAUSED.append(event) if event in FORBIDDEN else None)
    CAUSED.clear()
    yield
    assert CAUSED == []


def picture(form: str) -> bytes:
    stream = BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (12, 12, 3), np.uint8)).save(stream, form)
    return stream.getvalue()


RECIPE = {
    "model": {"name": "avatars/diffusion"},
    "guidances": [{"modality": "layout", "content": [{"boxes": [{"label": "hat", "box": [0.1, 0.1, 0.9, 0.5]}]}]}],
    "seeds": [7], "canvas": {"image": "iVBORw0KGgo=", "strength": 0.5}, "guidance_scale": 2.0,
}  # fmt: skip
SIGNALS = {
    "Text": [{"text": "a man", "claims": [["hat", "none", True]]}],
    "Attributes": [{"glasses": {"round": 0.5}, "hat": "none"}],
    "Layout": [{"boxes": [{"label": "hat", "box": [0.1, 0.1, 0.9, 0.5]}]}],
    "Landmarks": [{"points": {"nose tip": [0.5, 0.5], "left pupil": None}}],
    "Graph": [{"triples": [["head", "wearing", "glasses"]]}],
    "Camera": [{"yaw": 20, "pitch": 5.0}],
}
CONFIG = 'name = "a"\nsteps = 3\nlr = 1e-3\nbetas = [0.9, 0.99]\n[model]\nwidth = 64\n[data]\ncolumns = {text = "t"}\n'


@cache
def seeds() -> dict[str, tuple[bytes, Callable[[bytes, Path], object]]]:
    """Sound content of every kind, and who opens it."""
    tensors = save({"a": arange(6.0).reshape(2, 3), "b": arange(3)})
    kinds = {form: (picture(form), lambda data, _: color(decode(data))) for form in FORMATS}
    kinds["safetensors"] = (tensors, open_tensors)
    kinds["recipe"] = (json.dumps(RECIPE, indent=1).encode(), lambda data, _: Recipe.parse(data))
    kinds["signals"] = (json.dumps(SIGNALS).encode(), lambda data, _: open_signals(data))
    kinds["configuration"] = (CONFIG.encode(), lambda data, _: parse_config(data.decode("utf-8", "replace")))
    return kinds


def open_tensors(data: bytes, folder: Path) -> object:
    path = folder / "x.safetensors"
    path.write_bytes(data)
    return read_tensors(path)


def open_signals(data: bytes) -> None:
    """What the edge does: JSON is parsed first, then each signal is made of its items."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return
    for name, items in document.items() if isinstance(document, dict) else ():
        if name in SIGNALS and isinstance(items, list) and items:
            getattr(misen, name).from_json(items)


EDITS = st.lists(
    st.tuples(
        st.integers(0, 10_000),
        st.integers(0, 24),
        st.one_of(
            st.binary(max_size=6),
            st.sampled_from(
                [b"\xff" * 8, b"\0" * 8, b"9" * 40, b"null", b"[]", b"{}", b"-1", b"1e999", b'"', b"NaN", b"[" * 3000]
            ),
        ),
    ),
    min_size=1,
    max_size=4,
)


def mutated(content: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
    """Pieces of ``content`` replaced: where, how many bytes, by what."""
    for place, length, piece in edits:
        start = place % (len(content) + 1)
        content = content[:start] + piece + content[start + length :]
    return content


def survive(kind: str, edits: list[tuple[int, int, bytes]], folder: Path) -> None:
    content, action = seeds()[kind]
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with suppress(MisenError):
            action(mutated(content, edits), folder)
    assert time.process_time() - start < SECONDS


KINDS = [*FORMATS, "safetensors", "recipe", "signals", "configuration"]
SHARED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40, suppress_health_check=SHARED)
@given(edits=EDITS)
def test_mutated_files(kind, tmp_path, edits):
    survive(kind, edits, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=10_000, suppress_health_check=SHARED)
@given(edits=EDITS)
def test_a_hundred_thousand_mutated_files(kind, tmp_path, edits):
    survive(kind, edits, tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_unmutated_files_are_sound(kind, tmp_path):
    content, action = seeds()[kind]
    action(content, tmp_path)
