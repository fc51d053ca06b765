from __future__ import annotations

from pathlib import Path

import pytest

from misen.core.errors import ModelFileError, NotFoundError, StorageError
from misen.nn.description import CARD, check_format, read_card, read_json, write_card, write_json


def test_what_is_written_is_read(tmp_path: Path):
    facts = {"name": "toy", "figures": {"score": 0.5}, "words": ["a", "b"]}
    write_card(tmp_path, facts)
    write_json(tmp_path / "config.json", facts)
    assert read_card(tmp_path) == read_json(tmp_path / "config.json") == facts


def test_what_is_absent_is_named(tmp_path: Path):
    with pytest.raises(NotFoundError, match=r"there is no model at .*: card\.toml is missing"):
        read_card(tmp_path)
    with pytest.raises(NotFoundError, match=r"config\.json is missing"):
        read_json(tmp_path / "config.json")


@pytest.mark.parametrize("content", [b"= 1", b"a = " + b"[" * 5000, b"n = " + b"9" * 5000, b"\xff"])
def test_what_is_no_card_is_refused(tmp_path: Path, content: bytes):
    (tmp_path / CARD).write_bytes(content)
    with pytest.raises(ModelFileError, match=r"card\.toml is not a card: "):
        read_card(tmp_path)


@pytest.mark.parametrize("content", [b"{oops", b"[" * 100_000, b"9" * 5000, b"\xff", b"[]"])
def test_what_is_no_json_object_is_refused(tmp_path: Path, content: bytes):
    path = tmp_path / "config.json"
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match=r"config\.json is not (JSON: |a JSON object)"):
        read_json(path)


def test_what_cannot_be_read_says_why(tmp_path: Path):
    (tmp_path / CARD).mkdir()
    with pytest.raises(StorageError, match="cannot be read: Is a directory"):
        read_card(tmp_path)


def test_only_newer_formats_are_refused(tmp_path: Path):
    for stated in (1, 2):
        check_format(tmp_path, stated, known=2)
    with pytest.raises(ModelFileError, match="format >= 3, this one reads 2"):
        check_format(tmp_path, 3, known=2)
