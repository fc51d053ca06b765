"""Drags from both sides: the renderer brings every point to its target, untouched pictures and strangers do not."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from misen.app.evaluate import Dragger, Examination, drags, evaluate_drags
from misen.app.evaluate.drags import MEASURES, Pull, pulls
from misen.app.evaluate.examination import FIRST
from misen.core.errors import InputError, LimitError
from misen.core.execution import Execution
from misen.core.registry import modalities
from misen.data.world import tell_truth
from misen.metrics.grader import Grader
from misen.metrics.rows import Work
from misen.scene.record import Record
from misen.scene.splits import TEST
from unit.app.evaluate.conftest import Memory

KNOWN, COUNT = 8, 4


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A seed has only the avatars that the judge knows, and all that move count."""
    monkeypatch.setattr(drags, "STRIDE", KNOWN)
    monkeypatch.setattr(drags, "FAR", 1e-6)


@pytest.fixture(scope="module")
def bench() -> Examination:
    """The judge knows each avatar before and after, and takes both for the same person."""
    records = TEST.records(FIRST, KNOWN)
    both = tell_truth(Record.cat([records, modalities()["drag"].signal.before(records)]))
    memory = Memory(both)
    memory.identities = memory.identities[:KNOWN].repeat(2, 1)
    grader = Grader("memory@0", SimpleNamespace(observer=lambda: memory, joint=None))
    return Examination(grader, None, lambda start, count: both[slice(start - FIRST, start - FIRST + count)])


@pytest.fixture(scope="module")
def orders(bench: Examination) -> list[Pull]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drags, "STRIDE", KNOWN)
        patch.setattr(drags, "FAR", 1e-6)
        return list(pulls(bench, COUNT, 0))


@dataclass
class Scripted:
    """Shows what the renderer does ``shift`` orders further, or nothing new."""

    orders: list[Pull]
    shift: int = 0
    idle: bool = False
    name: str = "scripted"
    method: str = "magic"
    asked: list[int] = field(default_factory=list)

    def about(self):
        return {"shift": self.shift, "idle": self.idle}

    def drag(self, pull: Pull) -> Tensor:
        self.asked.append(pull.seed)
        [at] = [index for index, order in enumerate(self.orders) if order.seed == pull.seed]
        return pull.image if self.idle else self.orders[(at + self.shift) % len(self.orders)].goal

    def repeat(self, image: Tensor) -> Tensor:
        return image


def test_heads_that_hardly_move_do_not_count(bench, orders, monkeypatch) -> None:
    longest = max(order.length for order in orders)
    monkeypatch.setattr(drags, "FAR", longest)
    assert all(pull.length >= longest for pull in pulls(bench, 1, 0))


def test_pictures_differ_where_they_may_change_and_nowhere_else(orders: list[Pull]) -> None:
    for order in orders:
        changed = ((order.goal - order.image).abs() > drags.SAME).any(1, keepdim=True)
        assert changed.any()
        assert not (changed & (order.mask == 0)).any()
        assert 0 < order.mask.mean() < 1
        assert order.length == pytest.approx(float(order.wish.lengths()))
        assert order.length > 0
        assert (order.wish.landmarks[order.wish.given] >= 0).all()


def test_the_renderer_brings_points_to_their_targets(bench, orders) -> None:
    report = evaluate_drags(Scripted(orders), n=COUNT, examination=bench)
    assert report.covered == pytest.approx(1, abs=1e-4)
    assert report.outside_lpips_a < 1e-3
    assert report.identity == pytest.approx(1)
    assert report.oracle == {name: getattr(report, name) for name in MEASURES}
    assert report.control == {"covered": 0, "outside_lpips_a": 0, "identity": pytest.approx(1)}
    assert set(report.ci95) == set(MEASURES)
    document = report.to_json()
    assert json.loads(json.dumps(document, allow_nan=False)) == document


def test_doing_nothing_covers_nothing(bench, orders) -> None:
    report = evaluate_drags(Scripted(orders, idle=True), n=COUNT, examination=bench)
    assert (report.covered, report.outside_lpips_a) == (0, 0)


def test_somebody_else_is_neither_the_same_person_nor_unchanged_around(bench, orders) -> None:
    report = evaluate_drags(Scripted(orders, shift=1), n=COUNT, examination=bench)
    assert report.identity < 0.5
    assert report.outside_lpips_a > 1e-3
    assert report.covered < 0.9


def test_a_measurement_goes_on_from_its_journal_and_says_the_same(bench, orders, tmp_path) -> None:
    work, dragger, done = Work(journal=tmp_path / "rows.jsonl"), Scripted(orders), []
    evaluate_drags(dragger, n=2, examination=bench, work=work)
    watched = replace(bench, watch=done.append)
    report = evaluate_drags(dragger, n=COUNT, examination=watched, work=work)
    assert dragger.asked == [order.seed for order in orders]
    assert done == [2, 3, 4]
    whole = evaluate_drags(dragger, n=COUNT, examination=bench)
    assert replace(report, seconds_per_image=0) == replace(whole, seconds_per_image=0)
    with pytest.raises(InputError, match="journal of another measurement: idle False, not True"):
        evaluate_drags(Scripted(orders, idle=True), n=COUNT, examination=bench, work=work)


def test_too_few_and_too_many_are_refused(bench, orders) -> None:
    with pytest.raises(InputError, match="n must be a whole number from 2"):
        evaluate_drags(Scripted(orders), n=1, examination=bench)
    with pytest.raises(LimitError, match=r"of the avatars of one seed \d can be dragged. ask for at most \d"):
        evaluate_drags(Scripted(orders), n=KNOWN + 1, examination=bench)


class Told:
    """A model that remembers what it was asked for, and brightens pictures."""

    name = "toy"
    opened = SimpleNamespace(sha256="ab" * 32)

    def __init__(self) -> None:
        self.asked: list = []

    def edit(self, image, *wishes, **settings):
        self.asked.append((wishes, settings))
        return SimpleNamespace(images=[SimpleNamespace(tensor=image[0] + 1)])


def test_a_model_is_told_the_ways_and_where_it_may_change(orders) -> None:
    model, order = Told(), orders[0]
    dragger = Dragger(model, "drag:search=7", settings={"num_inference_steps": 100}, half=True)
    assert torch.equal(dragger.drag(order), order.image + 1)
    assert torch.equal(dragger.repeat(order.image), order.image + 1)
    ((wish,), settings), (nothing, still) = model.asked
    assert wish is order.wish
    assert settings.pop("mask") is order.mask
    run = {"accelerate": Execution("bfloat16")}
    assert settings == {
        "method": "drag:search=7", "strength": None, "seed": order.seed, "num_inference_steps": 100, **run
    }  # fmt: skip
    assert (nothing, still) == ((), {"strength": 0.0, "seed": 0, **run})
    assert (dragger.name, dragger.about()["method"]) == ("toy, bfloat16", "drag:search=7,tune=0")
