from __future__ import annotations

import pytest

from misen import assembly
from misen.core.errors import NotFoundError
from misen.pretrained import INDEX, hub


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache of the hub with one model in it."""
    root = tmp_path / "models--someone--tiny"
    (root / "refs").mkdir(parents=True)
    (root / "refs" / "main").write_text("abc")
    (root / "snapshots" / "abc").mkdir(parents=True)
    (root / "snapshots" / "abc" / INDEX).write_text("{}")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    return tmp_path


def test_what_was_fetched_is_found(cache):
    assert hub.cached("someone/tiny") == cache / "models--someone--tiny" / "snapshots" / "abc"
    assert assembly.find("someone/tiny") == hub.cached("someone/tiny")


@pytest.mark.parametrize("name", ["someone/other", "tiny", "a/b/c", "../tiny", ""])
def test_nothing_is_fetched(cache, name):
    assert hub.cached(name) is None


def test_the_message_says_how_to_fetch(cache):
    with pytest.raises(NotFoundError, match=r"hf download someone/other --include .*safetensors"):
        assembly.find("someone/other")
    assert hub.advice("other") == ""
