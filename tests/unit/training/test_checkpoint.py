import errno
import json
import os
from pathlib import Path

import pytest
import torch

from misen.core.errors import ModelFileError, StorageError
from misen.training.checkpoint import FORMAT, Checkpoint, CheckpointFolder


def checkpoint(step, **tensors):
    return Checkpoint({"step": step}, {"weights": torch.arange(4.0) + step, **tensors})


@pytest.fixture
def folder(tmp_path):
    return CheckpointFolder(tmp_path / "checkpoints", keep=2)


def test_round_trip_keeps_values_types_and_layout_free_bytes(folder):
    tensors = {
        "half": torch.randn(3).half(),
        "bf16": torch.randn(2, 3).bfloat16(),
        "scalar": torch.tensor(7.0),
        "integers": torch.arange(3),
        "last": torch.randn(2, 3, 4, 4).to(memory_format=torch.channels_last),
        "empty": torch.zeros(0, 3),
    }
    tensors["tied"] = tensors["half"]
    path = folder.save(checkpoint(5, **tensors))
    read = Checkpoint.read(path)
    assert read.manifest == {"step": 5}
    for name, tensor in tensors.items():
        assert read.tensors[name].dtype == tensor.dtype
        assert torch.equal(read.tensors[name], tensor)


def test_keeps_the_newest(folder):
    for step in (1, 2, 10):
        folder.save(checkpoint(step))
    assert [path.name for path in folder.paths()] == ["step-000000010.safetensors", "step-000000002.safetensors"]
    assert folder.newest().manifest["step"] == 10


def test_every_flipped_byte_is_noticed(tmp_path):
    content = checkpoint(1).to_bytes()
    path = tmp_path / "file"
    for position in range(len(content)):
        altered = bytearray(content)
        altered[position] ^= 1
        path.write_bytes(altered)
        with pytest.raises(ModelFileError):
            Checkpoint.read(path)


def test_every_truncation_is_noticed(tmp_path):
    content = checkpoint(1).to_bytes()
    path = tmp_path / "file"
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(ModelFileError):
            Checkpoint.read(path)


def test_falls_back_to_the_previous_when_the_newest_is_damaged(folder):
    folder.save(checkpoint(1))
    folder.save(checkpoint(2)).write_bytes(b"damaged")
    assert folder.newest().manifest["step"] == 1


def test_says_so_when_none_is_sound(folder):
    folder.save(checkpoint(1)).write_bytes(b"damaged")
    with pytest.raises(ModelFileError):
        folder.newest()


def test_no_checkpoint_yet(folder):
    assert folder.newest() is None
    assert folder.remove_leftovers() == []


def test_a_newer_format_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("misen.training.checkpoint.FORMAT", FORMAT + 1)
    content = checkpoint(1).to_bytes()
    monkeypatch.undo()
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(ModelFileError, match=f"format >= {FORMAT + 1}, this one reads {FORMAT}"):
        Checkpoint.read(tmp_path / "file")


def fail(code):
    def call(*_args, **_options):
        raise OSError(code, os.strerror(code))

    return call


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EACCES])
@pytest.mark.parametrize("call", ["os.fsync", "pathlib.Path.replace", "pathlib.Path.open"])
def test_a_failing_disk_leaves_the_previous_checkpoint_and_no_orphan(folder, monkeypatch, call, code):
    folder.save(checkpoint(1))
    second = checkpoint(2)
    with monkeypatch.context() as patch:
        patch.setattr(call, fail(code))
        with pytest.raises(StorageError, match=r"step-000000002.*bytes") as caught:
            folder.save(second)
    assert caught.value.hint
    assert [path.name for path in folder.folder.iterdir()] == ["step-000000001.safetensors"]
    assert folder.newest().manifest["step"] == 1


def test_a_full_disk_while_writing(folder, monkeypatch):
    folder.save(checkpoint(1))
    real = Path.open

    class Full:
        def __init__(self, file):
            self.file = file

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

        def write(self, content):
            self.file.write(content[:10])
            raise OSError(errno.ENOSPC, "No space left on device")

    second = checkpoint(2)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", lambda path, *options: Full(real(path, *options)))
        with pytest.raises(StorageError, match="No space left"):
            folder.save(second)
    assert [path.name for path in folder.folder.iterdir()] == ["step-000000001.safetensors"]


def test_leftovers_are_removed_and_nothing_else(folder):
    folder.save(checkpoint(1))
    orphan = folder.folder / ".step-000000002.safetensors.4242.partial"
    orphan.write_bytes(b"half")
    (folder.folder / ".keep").touch()
    assert folder.remove_leftovers() == [orphan]
    assert not orphan.exists()
    assert (folder.folder / ".keep").exists()


def test_files_are_readable_by_others(folder):
    path = folder.save(checkpoint(1))
    assert path.stat().st_mode & 0o044 == 0o044 & ~_umask()


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_the_header_is_plain_safetensors(folder):
    content = folder.save(checkpoint(3)).read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    assert json.loads(header["__metadata__"]["manifest"])["step"] == 3
