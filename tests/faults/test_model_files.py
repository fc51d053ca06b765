"""Rows 31 to 36 of the table of faults: files of weights that must not be opened."""

from __future__ import annotations

import hashlib
import json
import pickle  # noqa: TID251  # to make what must be refused
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import misen
from misen.core.errors import ModelFileError, NotFoundError
from misen.nn.weights import read_tensors

UNET = Path("unet", "diffusion_pytorch_model.safetensors")


class Bomb:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.mkdir, (self.path,)


def pickles(mark: Path) -> dict[str, bytes]:
    """Pickles of every protocol, and PyTorch's own files, each of which would run code."""
    from io import BytesIO

    old, new = BytesIO(), BytesIO()
    torch.save({"a": Bomb(mark)}, old, _use_new_zipfile_serialization=False)
    torch.save({"a": Bomb(mark)}, new)
    kinds = {f"protocol {number}": pickle.dumps([Bomb(mark)], number) for number in range(6)}
    kinds |= {f"bare, protocol {number}": pickle.dumps(Bomb(mark), number) for number in range(6)}
    return {**kinds, "torch, before 1.6": old.getvalue(), "torch": new.getvalue()}


# --- row 31: pickles -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["model.safetensors", "model.SafeTensors", "model.pt", "model.ckpt", "model.pkl"])
def test_row_31_pickles_are_refused_by_content_and_never_run(misen, refused, tmp_path, name):
    path, mark = tmp_path / name, tmp_path / "executed"
    for content in pickles(mark).values():
        path.write_bytes(content)
        for action in (read_tensors, load):
            assert "pickle refused" in str(refused(ModelFileError, action, path))
    outcome = misen("generate", "--model", path, "-o", tmp_path / "a.png")
    assert (outcome.code, outcome.out) == (3, "")
    assert "pickle refused" in outcome.err
    assert not mark.exists()


def load(path: Path) -> object:
    return misen.load(path)


def test_row_31_a_pickle_in_a_model_is_not_opened_and_nothing_is_tried_instead(folder, refused, tmp_path):
    mark = tmp_path / "executed"
    (folder / UNET).write_bytes(pickle.dumps(Bomb(mark)))
    (folder / UNET.with_suffix(".bin")).write_bytes(pickle.dumps(Bomb(mark)))
    assert "pickle refused" in str(refused(ModelFileError, load, folder))
    (folder / UNET).unlink()
    refused(NotFoundError, load, folder)
    assert not mark.exists()


def test_one_file_is_no_model(refused, folder):
    assert "a model is a folder" in str(refused(ModelFileError, load, folder / UNET))


# --- row 32: the rules of safetensors --------------------------------------------------------------------------------


def file_of(header: bytes, data: bytes = b"") -> bytes:
    return len(header).to_bytes(8, "little") + header + data


def entry(begin: int, end: int, *shape: int, dtype: str = "F32") -> dict[str, object]:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


def described(size: int, **entries: object) -> bytes:
    return file_of(json.dumps(entries).encode(), bytes(size))


MANY = ",".join(f'"{number}":1' for number in range(90_000))
RULES = {
    "length 2**63": ((2**63).to_bytes(8, "little") + b"{}", "its header claims 9223372036854775808 bytes"),
    "length 2**64 - 1": (b"\xff" * 8 + b"{}", "its header claims 18446744073709551615 bytes"),
    "no length": (b"abc", "the file has 3"),
    "empty": (b"", "the file has 0"),
    "header not JSON": (file_of(b"{oops"), "its header is not JSON"),
    "header not text": (file_of(b"\xff\xfe\xfd"), "its header is not JSON"),
    "header nested": (file_of(b"[" * 50_000), "its header is not JSON"),
    "header of digits": (file_of(b'{"a": ' + b"9" * 5000 + b"}"), "its header is not JSON"),
    "header a list": (file_of(b"[]"), "its header is not a JSON object"),
    "duplicate key": (file_of(b'{"a": 1, "a": 2}'), "its header repeats the key 'a'"),
    "duplicate among many": (file_of(f'{{{MANY},"7":1}}'.encode()), "its header repeats the key '7'"),
    "duplicate inside": (file_of(b'{"a": {"dtype": "F32", "dtype": "F16"}}'), "its header repeats the key 'dtype'"),
    "overlap": (described(12, a=entry(0, 8, 2), b=entry(4, 12, 2)), "an overlap before the tensor 'b'"),
    "the same twice": (described(8, a=entry(0, 8, 2), b=entry(0, 8, 2)), "an overlap before the tensor 'b'"),
    "hole": (described(12, a=entry(0, 4, 1), b=entry(8, 12, 1)), "a hole before the tensor 'b'"),
    "hole at the start": (described(8, a=entry(4, 8, 1)), "a hole before the tensor 'a'"),
    "trailing bytes": (described(9, a=entry(0, 8, 2)), "1 bytes trail the last tensor"),
    "cut off": (described(7, a=entry(0, 8, 2)), "its data is cut off"),
    "shape x dtype overflow": (described(4, a=entry(0, 4, 2**62, 2**62)), "shape x type of the tensor 'a' is not"),
    "shape wraps to fit": (described(4, a=entry(0, 4, 2**32, 2**32, 1)), "shape x type of the tensor 'a' is not"),
    "negative extent": (described(4, a=entry(0, 4, -1)), "the tensor 'a' has the shape [-1]"),
    "extent is true": (described(4, a=entry(0, 4, True)), "the tensor 'a' has the shape [True]"),
    "too many axes": (described(4, a=entry(0, 4, *[1] * 100_000)), "the tensor 'a' has the shape [1, 1"),
    "negative offsets": (described(4, a=entry(-4, 0, 1)), "an overlap before the tensor 'a'"),
    "offsets turned over": (described(4, a=entry(4, 0, 1)), "shape x type of the tensor 'a' is not the -4 bytes"),
    "unknown type": (described(4, a=entry(0, 4, 1, dtype="C64")), "of an unknown type"),
    "metadata is a number": (file_of(b'{"__metadata__": 7}'), "is refused: "),
}


@pytest.mark.parametrize("rule", RULES)
def test_row_32_every_broken_rule_is_named(refused, tmp_path, rule):
    content, words = RULES[rule]
    path = tmp_path / "x.safetensors"
    path.write_bytes(content)
    start = time.process_time()
    message = str(refused(ModelFileError, read_tensors, path))
    assert words in message
    assert str(path) in message
    assert len(message) < 500 + len(str(path))
    assert time.process_time() - start < 1


@pytest.mark.parametrize("rule", [rule for rule in RULES if len(RULES[rule][0]) < 10_000])
def test_row_32_little_memory_is_needed(tmp_path, rule):
    path = tmp_path / "x.safetensors"
    path.write_bytes(RULES[rule][0])
    tracemalloc.start()
    with pytest.raises(ModelFileError):
        read_tensors(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < path.stat().st_size + 2**20


# --- rows 33 to 36: sound files of something else --------------------------------------------------------------------


def rewrite(folder: Path, change: Callable[[dict[str, torch.Tensor]], object], part: Path = UNET) -> None:
    """Change the tensors of a part of a model, and the digest that the model records of it."""
    tensors = load_file(folder / part)
    change(tensors)
    save_file(tensors, folder / part)
    record(folder, sha256={part.as_posix(): hashlib.sha256((folder / part).read_bytes()).hexdigest()})


def record(folder: Path, **changes: object) -> None:
    """Change what ``model_index.json`` says about the files."""
    index = json.loads((folder / "model_index.json").read_text())
    for key, value in changes.items():
        index["_misen"][key] = {**index["_misen"][key], **value} if isinstance(value, dict) else value
    (folder / "model_index.json").write_text(json.dumps(index))


def test_the_copy_is_sound(folder):
    rewrite(folder, lambda tensors: None)
    misen.load(folder)


def test_row_33_missing_extra_and_misshaped_tensors_are_listed(folder, refused):
    names = sorted(load_file(folder / UNET))

    def change(tensors):
        for name in names[-7:]:
            del tensors[name]
        for number in range(6):
            tensors[f"extra.{number}"] = torch.zeros(number, 2)
        tensors["conv_in.bias"] = torch.zeros(3)

    rewrite(folder, change)
    message = str(refused(ModelFileError, load, folder))
    assert "7 missing: " in message
    assert "6 extra: extra." in message
    assert message.count("extra.") == 5
    assert "1 misshaped: conv_in.bias (3,) instead of (16,)" in message


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_row_34_values_that_are_not_finite_are_named(folder, refused, bad):
    rewrite(folder, lambda tensors: tensors["conv_in.bias"].view(-1)[3:4].fill_(bad))
    assert "the tensor 'conv_in.bias' holds a NaN or infinity" in str(refused(ModelFileError, load, folder))


@pytest.mark.parametrize("part", ["unet", "vae", "ports", "tiny"])
def test_row_35_one_flipped_bit(folder, refused, part):
    path = folder / part / UNET.name
    content = bytearray(path.read_bytes())
    content[-2] ^= 1
    path.write_bytes(content)
    assert f"{path} was altered: its SHA-256 is not the one" in str(refused(ModelFileError, load, folder))


def test_row_35_a_damaged_network_that_guides(installed, tmp_path, refused, monkeypatch):
    from misen.nn import weights
    from misen.perception.joint import joint_a

    content = bytearray((installed / "joint-a" / weights.WEIGHTS).read_bytes())
    content[-2] ^= 1
    (tmp_path / weights.WEIGHTS).write_bytes(content)
    (tmp_path / weights.CARD).write_bytes((installed / "joint-a" / weights.CARD).read_bytes())
    refused(ModelFileError, weights.load, joint_a(), tmp_path)


def test_row_36_a_newer_format(folder, refused, misen, tmp_path):
    record(folder, format=2)
    assert "needs a version of Misen that reads format >= 2, this one reads 1" in str(
        refused(ModelFileError, load, folder)
    )
    outcome = misen("generate", "--model", folder, "-o", tmp_path / "a.png")
    assert (outcome.code, outcome.out) == (3, "")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("card.toml", 'family = "diffusion"'),
        ("card.toml", 'family = "diffusion"\nsampler = 7\nsteps = "a"\nguidance_scale = []'),
        ("card.toml", "steps = " + "9" * 5000),
        ("card.toml", "a = " + "[" * 5000),
        ("model_index.json", '{"_misen": {"format": 1}}'),
        ("model_index.json", '{"_misen": {"format": 1, "sha256": 3, "companions": 7}}'),
        ("model_index.json", '{"_misen": {"format": ' + "9" * 5000),
        ("unet/config.json", '{"block_out_channels": "many"}'),
        ("unet/config.json", '{"block_out_channels": []}'),
        ("unet/config.json", '{"block_out_channels": [-3]}'),
        ("vae/config.json", "[" * 100_000),
        ("vae/config.json", '{"no": 1}'),
        ("ports/config.json", '{"ports": [{"name": 3}]}'),
        ("ports/config.json", '{"ports": [{"name": "text", "layout": "cube", "width": 3}]}'),
        ("ports/config.json", '{"ports": [{"name": "text", "layout": "map", "width": -3}]}'),
        ("ports/config.json", '{"ports": 7}'),
    ],
)
def test_descriptions_that_describe_no_model(folder, refused, name, content):
    (folder / name).write_text(content)
    refused(ModelFileError, load, folder)


def test_a_family_there_is_not(folder, refused):
    (folder / "card.toml").write_text("family = 7")
    assert "there is no family called '7'" in str(refused(NotFoundError, load, folder))
