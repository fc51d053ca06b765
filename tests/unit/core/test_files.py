"""Writing is all or nothing, and what was killed while writing is found."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from misen.core.errors import StorageError
from misen.core.files import leftovers, replace_file


def test_a_new_file_and_one_that_is_replaced(tmp_path: Path) -> None:
    for content in (b"before", b"after"):
        replace_file(tmp_path / "a", content)
        assert (tmp_path / "a").read_bytes() == content
    assert list(tmp_path.iterdir()) == [tmp_path / "a"]


def test_file_and_folder_are_flushed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: flushed.append(os.fstat(descriptor).st_ino))
    replace_file(tmp_path / "a", b"a")
    assert flushed == [(tmp_path / "a").stat().st_ino, tmp_path.stat().st_ino]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "out.png"
    path.write_bytes(b"before")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match=r"out\.png.*5 bytes.*No space left on device"):
        replace_file(path, b"after")
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupted_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", stop)
    with pytest.raises(KeyboardInterrupt):
        replace_file(tmp_path / "out.png", b"after")
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="No such file or directory"):
        replace_file(tmp_path / "nowhere" / "a", b"a")
    with pytest.raises(StorageError, match="Not a directory"):
        replace_file(tmp_path / "file" / "a", b"a")


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o027, 0o640)])
def test_files_have_the_permissions_that_are_usual_here(tmp_path: Path, mask: int, mode: int) -> None:
    (tmp_path / "a").touch(0o600)
    before = os.umask(mask)
    try:
        replace_file(tmp_path / "a", b"a")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == mode


def test_leftovers_are_told_from_other_files(tmp_path: Path) -> None:
    orphan = tmp_path / ".a.safetensors.4242.partial"
    for name in (orphan.name, ".keep", "a.4242.partial", ".a.partial"):
        (tmp_path / name).touch()
    assert leftovers(tmp_path) == [orphan]
    assert leftovers(tmp_path / "nowhere") == []
