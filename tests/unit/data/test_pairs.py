from __future__ import annotations

import pytest
import torch

from misen.core.errors import ConfigError
from misen.core.image import from_bytes, to_bytes
from misen.data.cache import TRUTHS, CachedWorld, build
from misen.data.pairs import PAIRS, RATIO, CachedPairs, render_pair
from misen.recipes import build_cache
from misen.scene.sampling import sample
from misen.scene.splits import TEST

SIZE = 64


@pytest.fixture(scope="module")
def seeds():
    return torch.arange(100, 103)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, seeds):
    folder = tmp_path_factory.mktemp("cache") / "pairs"
    assert list(build(folder, "toy", seeds, contents=PAIRS, size=SIZE, workers=1, chunk=2)) == [2, 3]
    return folder


def test_what_is_stored_is_what_is_rendered(folder, seeds):
    pairs, fresh = CachedPairs(folder), render_pair(sample(seeds), SIZE)
    stored = pairs.pair(torch.tensor([2, 0]))
    for name in ("small", "large"):
        rendered = from_bytes(to_bytes(getattr(fresh, name)))
        assert torch.equal(getattr(stored, name), rendered[[2, 0]]), name
    assert torch.equal(pairs.small(slice(0, 2)), from_bytes(to_bytes(fresh.small))[:2])
    assert stored.large.shape[-1] == RATIO * stored.small.shape[-1] == SIZE


def test_a_small_render_is_nearly_the_area_average_of_the_large_one():
    pair = render_pair(TEST.records(0, 2), 256)
    gap = torch.nn.functional.avg_pool2d(pair.large, RATIO) - pair.small
    assert (gap.square().mean(dim=(1, 2, 3)).sqrt() < 0.05).all()


def test_it_holds_nothing_else(folder):
    assert {path.name for path in folder.iterdir()} == {"small.npy", "large.npy", "seed.npy", "manifest.json"}
    with pytest.raises(ConfigError, match=r"lacks image\.npy"):
        CachedWorld(folder)


def test_the_command_says_what_is_kept(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(build_cache, "build", lambda *given, **options: asked.append(options) or iter(()))
    arguments = [str(tmp_path), "--split", "test", "--count", "1", "--size", "256"]
    build_cache.main([*arguments, "--contents", "pairs"])
    build_cache.main(arguments)
    assert [options["contents"] for options in asked] == [PAIRS, TRUTHS]
