from __future__ import annotations

import os
from pathlib import Path

import pytest

from misen.app import destinations
from misen.core.errors import InputError, StorageError


def test_one_picture_keeps_the_name_and_several_are_numbered(tmp_path):
    assert destinations(tmp_path / "a.png") == (tmp_path / "a.png",)
    names = [path.name for path in destinations(tmp_path / "a.png", 4)]
    assert names == ["a-0.png", "a-1.png", "a-2.png", "a-3.png"]


def test_what_exists_is_kept_unless_allowed(tmp_path):
    (tmp_path / "a-1.png").write_bytes(b"mine")
    with pytest.raises(StorageError, match=r"a-1\.png' exists"):
        destinations(tmp_path / "a.png", 2)
    assert len(destinations(tmp_path / "a.png", 2, overwrite=True)) == 2
    assert (tmp_path / "a-1.png").read_bytes() == b"mine"


@pytest.mark.parametrize("name", ["missing/a.png", "file/a.png", "locked/a.png", "folder.png"])
def test_folders_that_cannot_take_the_output(tmp_path, name, monkeypatch):
    (tmp_path / "file").write_text("")
    (tmp_path / "locked").mkdir()
    (tmp_path / "folder.png").mkdir()
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "locked" and access(path, mode))
    with pytest.raises(StorageError) as caught:
        destinations(tmp_path / name)
    assert caught.value.exit_code == 5
    assert caught.value.field == "out"


def test_another_suffix_is_refused(tmp_path):
    with pytest.raises(InputError, match="PNG"):
        destinations(tmp_path / "a.jpg")
