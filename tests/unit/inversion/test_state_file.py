"""State files: what was written comes back, and nothing else opens."""

from __future__ import annotations

import json
import pickle  # noqa: TID251  # to make what must be refused
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from misen.core.errors import ModelFileError, NotFoundError, StorageError, Unreachable
from misen.core.generator import Level
from misen.core.seeding import Streams
from misen.inversion import Fidelity, Inversion, StateFile, pack, unpack
from misen.inversion.state_file import ENTRY, is_state_file
from toys import ToyDiffusion


def state() -> StateFile:
    return StateFile(
        model="avatars/toy",
        sha256="ab" * 32,
        method="ddim",
        recipe={"misen_recipe": 1, "guidance_scale": 1.5, "words": "ein Gesicht, 脸"},
        fidelity={"psnr": 31.25},
        tensors={"latents": torch.arange(8.0).reshape(1, 2, 2, 2), "null.0.text": torch.ones(1, 3, 2)},
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    written = tmp_path / "state.safetensors"
    state().write(written)
    return written


def document(path: Path) -> dict:
    content = path.read_bytes()
    return json.loads(json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"][ENTRY])


def forge(path: Path, **changes: object) -> None:
    """The file with other facts and the digest of the first."""
    path.write_bytes(save(dict(state().tensors), {ENTRY: json.dumps({**document(path), **changes})}))


def test_what_was_written_comes_back(path: Path) -> None:
    read, written = StateFile.read(path), state()
    assert {**vars(read), "tensors": None} == {**vars(written), "tensors": None}
    assert read.tensors.keys() == written.tensors.keys()
    assert all(torch.equal(read.tensors[name], written.tensors[name]) for name in written.tensors)
    assert is_state_file(path)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_the_model_is_checked(path: Path) -> None:
    read = StateFile.read(path)
    read.require("avatars/toy", "ab" * 32)
    with pytest.raises(ModelFileError, match="avatars/toy with other weights than those of avatars/other"):
        read.require("avatars/other", "cd" * 32)


def test_altered_tensors_and_facts_are_refused(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    altered = path.with_name("altered.safetensors")
    altered.write_bytes(content)
    with pytest.raises(ModelFileError, match="altered"):
        StateFile.read(altered)
    forge(path, method="null-text")
    with pytest.raises(ModelFileError, match="altered"):
        StateFile.read(path)


def test_newer_formats_and_strangers_are_refused(path: Path, tmp_path: Path) -> None:
    forge(path, format=2, extra=1)
    with pytest.raises(ModelFileError, match="reads format >= 2"):
        StateFile.read(path)
    stranger = tmp_path / "weights.safetensors"
    for metadata in (None, {ENTRY: "no JSON"}, {ENTRY: "[]"}, {ENTRY: '{"format": 1}'}):
        stranger.write_bytes(save({"weight": torch.ones(2)}, metadata))
        with pytest.raises(ModelFileError, match="not a state"):
            StateFile.read(stranger)


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    for name, content in (
        ("a.safetensors", pickle.dumps({"latents": 1})),
        ("b.safetensors", b"PK\x03\x04" + b"\0" * 64),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ModelFileError, match="pickle refused"):
            StateFile.read(tmp_path / name)
        assert not is_state_file(tmp_path / name)


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        StateFile.read(tmp_path / "missing.safetensors")
    with pytest.raises(StorageError):
        state().write(tmp_path / "missing" / "state.safetensors")
    assert not is_state_file(tmp_path)


def test_an_inversion_is_packed_with_its_nulls(generator, pictures) -> None:
    with torch.no_grad():
        state = generator.restart(generator.encode(pictures[:1]), None, Streams((0,)))
    figures = Fidelity(*torch.zeros(3, 1))
    other = {"stock": replace(generator.null(1)["stock"], value=torch.full((1, 64, 8), 0.5))}
    plain = Inversion(state, (state,), pictures, figures)
    learned = Inversion(state, (state,), pictures, figures, (generator.null(1), other))
    answering, resumed = unpack(generator, pack(generator, plain))
    assert answering is generator
    assert torch.equal(resumed.value, state.value)
    answering, resumed = unpack(generator, pack(generator, learned))
    late = Level(0.5, 1.0, 0.0)
    with torch.no_grad():
        replaced, stated = answering.predict(state, late, {}), generator.predict(state, late, other)
    assert torch.allclose(replaced.point, stated.point, atol=1e-6)
    with pytest.raises(Unreachable, match="cannot be kept"):
        pack(ToyDiffusion(), plain)
