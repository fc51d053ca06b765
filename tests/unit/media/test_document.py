"""JSON documents: from a file or inline, and what is wrong with the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from misen.core.errors import FormatError, NotFoundError
from misen.media.document import read_json


def test_a_file_or_the_argument_itself(tmp_path: Path) -> None:
    path = tmp_path / "boxes.json"
    path.write_text('[{"label": "帽"}]', "utf-8")
    assert read_json(path) == read_json(str(path)) == read_json('[{"label": "帽"}]') == [{"label": "帽"}]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "line 1, column 1"),
        (b"[1,\n 2,,]", "line 2, column 4"),
        (b"\xff\xfe[1]", "not"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[" + b"9" * 5000 + b"]", "number that cannot be read"),
    ],
)
def test_what_is_no_json_is_named(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "boxes.json"
    path.write_bytes(content)
    with pytest.raises(FormatError) as caught:
        read_json(path)
    assert words in str(caught.value)
    assert "boxes.json" in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"boxes\.json"):
        read_json(tmp_path / "boxes.json")
