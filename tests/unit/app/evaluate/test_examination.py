"""Wishes: in parts of two or more, from the cache where it has them, and pictures of a real model."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from misen.app.evaluate import Trained, examination
from misen.app.evaluate.examination import FIRST, STRIDE, truths_of
from misen.core.errors import InputError
from misen.core.guidance import Guidance
from misen.core.registry import modalities
from misen.scene.splits import COMPOSITION, TEST


@pytest.mark.parametrize(("n", "parts"), [(1, [1]), (2, [2]), (50, [50]), (51, [26, 25]), (101, [34, 34, 33])])
def test_wishes_come_in_even_parts(examination, n: int, parts: list[int]) -> None:
    asked, done = [], []
    bench = replace(examination, truth=lambda *range_: asked.append(range_), watch=done.append)
    assert len(list(bench.truths(n, seed=3))) == len(parts)
    assert [count for _, count in asked] == parts
    assert asked[0][0] == FIRST + 3 * STRIDE
    assert done[-1] == n


def test_a_seed_is_checked(examination) -> None:
    with pytest.raises(InputError, match="seed must be a whole number"):
        next(examination.truths(10, -1))


def test_truths_come_from_the_cache_where_it_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = SimpleNamespace(split="test", first=TEST.first + 100)

    class Cache:
        def __init__(self, folder: str) -> None:
            self.manifest = manifest

        def __len__(self) -> int:
            return 50

        def truth(self, where: slice) -> slice:
            return where

    monkeypatch.setattr(examination, "CachedWorld", Cache)
    monkeypatch.setattr(examination, "tell_truth", lambda record: "rendered")
    assert truths_of(TEST)(100, 10) == "rendered"
    monkeypatch.setenv(examination.CACHE, "somewhere")
    assert truths_of(TEST)(100, 50) == slice(0, 50)
    assert truths_of(TEST)(140, 10) == slice(40, 50)
    assert truths_of(TEST)(99, 2) == truths_of(TEST)(141, 10) == truths_of(COMPOSITION)(0, 2) == "rendered"


def test_a_model_as_an_examinee() -> None:
    asked = {}

    class Model:
        name, device, native = "toy", "cpu", frozenset({"camera", "depth"})

        def plan(self, *guidances, **settings):
            return SimpleNamespace(decisions=[SimpleNamespace(route=guidance.route) for guidance in guidances])

        def synthesize(self, *guidances, **settings):
            asked.update(settings, half=torch.is_autocast_enabled("cpu"))
            return SimpleNamespace(images=[SimpleNamespace(tensor=torch.zeros(3, 8, 8)) for _ in settings["seed"]])

        def edit(self, image, **settings):
            return SimpleNamespace(images=[SimpleNamespace(tensor=image * (1 - settings["strength"]))])

    examinee = Trained(Model(), batch_size=4)
    signal = modalities()["camera"].signal.parse("yaw=20")
    assert (examinee.name, examinee.native) == ("toy", {"camera", "depth"})
    assert examinee.route([Guidance(signal=signal, route="native")]) == "native"
    assert examinee.make([], (5, 6)).shape == (2, 3, 8, 8)
    assert asked == {"seed": [5, 6], "batch_size": 4, "half": False}
    halved = Trained(Model(), half=True)
    halved.make([], (5,))
    assert asked["half"]
    assert halved.name == "toy, bfloat16"
    assert torch.equal(examinee.reconstruct(torch.ones(2, 3, 8, 8)), torch.ones(2, 3, 8, 8))
