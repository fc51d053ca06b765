from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save as encode
from torch import nn

from misen.core.errors import ModelFileError, NotFoundError
from misen.nn import weights


def network(width: int = 3) -> nn.Sequential:
    return nn.Sequential(nn.Linear(2, width), nn.BatchNorm1d(width))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    weights.save(network(), tmp_path / "model", {"name": "toy", "figures": {"score": {"value": 0.5, "n": 10}}})
    return tmp_path / "model"


def test_what_is_saved_is_loaded_in_half_precision(tmp_path: Path):
    saved, loaded = network(), network()
    digest = weights.save(saved, tmp_path, {"name": "toy"})
    card = weights.load(loaded, tmp_path)
    assert card == {"format": 1, "sha256": digest, "name": "toy"}
    for name, tensor in loaded.state_dict().items():
        expected = saved.state_dict()[name]
        assert tensor.dtype == expected.dtype
        assert torch.equal(tensor, expected.half().to(expected.dtype))


def test_the_card_keeps_its_tables(folder: Path):
    assert weights.read_card(folder)["figures"]["score"] == {"value": 0.5, "n": 10}


def test_weights_that_overflow_half_precision_are_not_saved(tmp_path: Path):
    module = network()
    nn.init.constant_(module[0].bias, 1e6)
    with pytest.raises(ModelFileError, match=r"0\.bias"):
        weights.save(module, tmp_path, {})
    assert not (tmp_path / "model.safetensors").exists()


def test_one_flipped_bit_is_refused(folder: Path):
    path = folder / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match="altered"):
        weights.load(network(), folder)


def test_another_architecture_is_refused_and_the_module_unchanged(folder: Path):
    module = nn.Sequential(nn.Linear(2, 5), nn.Linear(1, 1, bias=False))
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    with pytest.raises(ModelFileError) as caught:
        weights.load(module, folder)
    message = str(caught.value)
    assert "1.bias (3,)" in message
    assert "0.weight (3, 2) instead of (5, 2)" in message
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_values_that_are_not_finite_are_refused_by_name(tmp_path: Path, bad: float):
    path = tmp_path / "x.safetensors"
    path.write_bytes(encode({"fine": torch.ones(2), "broken": torch.tensor([1.0, bad])}))
    with pytest.raises(ModelFileError, match="broken"):
        weights.read_tensors(path)


def test_a_newer_format_is_refused(folder: Path):
    card = folder / "card.toml"
    card.write_text(card.read_text().replace("format = 1", "format = 2"))
    with pytest.raises(ModelFileError, match="format >= 2, this one reads 1"):
        weights.load(network(), folder)


def test_a_card_that_is_none_is_refused(folder: Path):
    (folder / "card.toml").write_text("format = ")
    with pytest.raises(ModelFileError, match="not a card"):
        weights.load(network(), folder)


def test_absent_models_are_not_found(tmp_path: Path):
    with pytest.raises(NotFoundError, match="no model"):
        weights.load(network(), tmp_path)
    with pytest.raises(NotFoundError, match="make zoo"):
        weights.shipped("does-not-exist")


def test_pickles_are_refused_by_content_and_not_executed(tmp_path: Path):
    marker = tmp_path / "executed"
    bomb = b"\x80\x04cos\nsystem\n(S'touch " + str(marker).encode() + b"'\ntR."
    for name, content in {"model.safetensors": bomb, "MODEL.SafeTensors": b"PK\x03\x04" + bytes(40)}.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(ModelFileError, match="pickle"):
            weights.read_tensors(path)
    assert not marker.exists()


def file_of(header: bytes, data: bytes) -> bytes:
    return len(header).to_bytes(8, "little") + header + data


def entry(begin: int, end: int, shape: tuple[int, ...], dtype: str = "F32") -> dict[str, object]:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


def described(entries: dict[str, dict[str, object]], size: int) -> bytes:
    return file_of(json.dumps(entries).encode(), bytes(size))


MALFORMED = {
    "header claims": b"\xff" * 8 + b"{}",
    "not JSON": file_of(b"{oops", b""),
    "not a JSON object": file_of(b"[]", b""),
    "repeats the key 'a'": file_of(b'{"a": 1, "a": 2}', b""),
    "overlap before the tensor 'b'": described({"a": entry(0, 8, (2,)), "b": entry(4, 12, (2,))}, 12),
    "hole before the tensor 'b'": described({"a": entry(0, 4, (1,)), "b": entry(8, 12, (1,))}, 12),
    "4 bytes trail": described({"a": entry(0, 4, (1,))}, 8),
    "cut off": described({"a": entry(0, 8, (2,))}, 4),
    "shape x type": described({"a": entry(0, 4, (2**62, 2**62))}, 4),
    "has the shape": described({"a": entry(0, 4, (-1,))}, 4),
    "unknown type": described({"a": entry(0, 4, (1,), "COMPLEX")}, 4),
    "file has 3": b"abc",
}


@pytest.mark.parametrize("rule", MALFORMED)
def test_every_broken_rule_is_named(tmp_path: Path, rule: str):
    path = tmp_path / "x.safetensors"
    path.write_bytes(MALFORMED[rule])
    with pytest.raises(ModelFileError, match=rule):
        weights.read_tensors(path)
