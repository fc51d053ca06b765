"""Editing from both sides: the renderer's own edits are perfect, untouched pictures and strangers are not."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from misen.app.evaluate import Examination, Retoucher, Reviser, editing, evaluate_editing
from misen.app.evaluate.editing import MEASURES, Task, ask, task_of, tasks
from misen.app.evaluate.examination import FIRST
from misen.core.errors import InputError, LimitError, NotFoundError
from misen.core.execution import Execution
from misen.data.world import tell_truth
from misen.editing.methods.prompt_to_prompt import PromptToPrompt
from misen.metrics.grader import CHUNK, Grader
from misen.metrics.rows import Work
from misen.scene.attributes import BY_KEY, COLUMN, KEYS
from misen.scene.record import Record
from misen.scene.splits import SALIENT, TEST
from misen.scene.truth import Truth
from unit.app.evaluate.conftest import Memory

COUNT = 5


@pytest.fixture(scope="module")
def orders() -> list[Task]:
    truth = tell_truth(TEST.records(FIRST, COUNT))
    return [task_of(truth[item : item + 1]) for item in range(COUNT)]


@pytest.fixture(scope="module")
def bench(orders: list[Task]) -> Examination:
    """The judge knows each avatar before and after, and takes both for the same person."""
    truth = tell_truth(Record.cat([record for order in orders for record in (order.truth.record, order.changed)]))
    memory = Memory(truth)
    memory.identities = memory.identities[::2].repeat_interleave(2, 0)

    def some(start: int, count: int) -> Truth:
        return truth[2 * torch.arange(start - FIRST, start - FIRST + count)]

    return Examination(Grader("memory@0", SimpleNamespace(observer=lambda: memory, joint=None)), None, some)


@dataclass
class Scripted:
    """An editor that shows the first, or another, of the known pictures."""

    orders: list[Task]
    shift: int = 0
    idle: bool = False
    name: str = "scripted"
    method: str = "magic"
    pictures: str = "renders"
    asked: list[str] = field(default_factory=list)

    def about(self):
        return {"shift": self.shift, "idle": self.idle}

    def given(self, task: Task) -> Tensor:
        return task.truth.observation.image

    def edit(self, task: Task, image: Tensor) -> Tensor:
        self.asked += task.wish.prompts
        [at] = [k for k, order in enumerate(self.orders) if order.truth.record.seed == task.truth.record.seed]
        return image if self.idle else self.orders[(at + self.shift) % len(self.orders)].goal

    def repeat(self, image: Tensor) -> Tensor:
        return image


def test_tasks_ask_for_one_visible_change(orders: list[Task]) -> None:
    for order in orders:
        before, after = order.truth.record.attributes[0], order.changed.attributes[0]
        assert [KEYS[k] for k in (before != after).nonzero()[:, 0]] == [order.key]
        assert order.key in SALIENT
        assert order.visible[COLUMN[order.key]]
        [claims] = order.wish.claims
        assert [claim.key for claim in claims] == [order.key]
        assert claims[0].holds({order.key: order.changed.value(order.key, 0)})
        assert not torch.equal(order.goal, order.truth.observation.image)
    assert len({order.key for order in orders}) > 1


def test_the_renderer_edits_perfectly(bench, orders) -> None:
    editor = Scripted(orders)
    report = evaluate_editing(editor, n=COUNT, examination=bench)
    assert (report.success, report.faithful, report.flipped) == (1, 1, 0)
    assert report.identity == pytest.approx(1)
    assert report.psnr_kept > 45
    assert report.oracle == {name: getattr(report, name) for name in MEASURES}
    assert (report.control["success"], report.control["faithful"]) == (0, 0)
    assert set(report.ci95) == set(MEASURES)
    assert editor.asked == [order.wish.prompts[0] for order in orders]


def test_doing_nothing_is_no_success(bench, orders) -> None:
    report = evaluate_editing(Scripted(orders, idle=True), n=COUNT, examination=bench)
    assert (report.success, report.flipped) == (0, 0)
    assert report.identity == pytest.approx(1)
    assert math.isinf(report.psnr_kept)
    document = report.to_json()
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert document["psnr_kept"] is None


def test_somebody_else_is_neither_the_same_person_nor_unchanged(bench, orders) -> None:
    report = evaluate_editing(Scripted(orders, shift=1), n=COUNT, examination=bench)
    assert report.identity < 0.5
    assert report.faithful == 0
    assert report.flipped > 0.2
    assert report.psnr_kept < 25


def test_each_edit_is_told_to_the_watcher(bench, orders) -> None:
    done: list[int] = []
    evaluate_editing(Scripted(orders), n=COUNT, examination=replace(bench, watch=done.append))
    assert done == [0, 1, 2, 3, 4, 5]


def test_a_measurement_goes_on_from_its_journal_and_says_the_same(bench, orders, tmp_path) -> None:
    work, editor = Work(journal=tmp_path / "rows.jsonl"), Scripted(orders)
    evaluate_editing(editor, n=2, examination=bench, work=work)
    report = evaluate_editing(editor, n=COUNT, examination=bench, work=work)
    assert len(editor.asked) == COUNT
    whole = evaluate_editing(editor, n=COUNT, examination=bench)
    assert replace(report, seconds_per_image=0) == replace(whole, seconds_per_image=0)
    with pytest.raises(InputError, match="journal of another measurement: idle False, not True"):
        evaluate_editing(Scripted(orders, idle=True), n=COUNT, examination=bench, work=work)


def test_workers_measure_the_same(bench, orders) -> None:
    editor = Scripted(orders, shift=1)
    shared = evaluate_editing(editor, n=COUNT, examination=bench, work=Work(workers=2))
    assert editor.asked == []
    alone = evaluate_editing(editor, n=COUNT, examination=bench)
    assert replace(shared, seconds_per_image=0) == replace(alone, seconds_per_image=0)


def test_one_edit_is_too_few(bench, orders) -> None:
    with pytest.raises(InputError, match="n must be a whole number from 2"):
        evaluate_editing(Scripted(orders), n=1, examination=bench)


class Told:
    """A model that remembers what it was asked for, and brightens pictures."""

    name = "toy"
    opened = SimpleNamespace(sha256="ab" * 32)

    def __init__(self) -> None:
        self.asked: list = []

    def edit(self, image, *wishes, **settings):
        self.asked.append((wishes, settings))
        return SimpleNamespace(images=[SimpleNamespace(tensor=image[0] + 1)])

    def synthesize(self, *wishes, **settings):
        self.asked.append((wishes, settings))
        return SimpleNamespace(images=[SimpleNamespace(tensor=torch.zeros(3, 64, 64))])


def test_a_model_as_an_editor(orders) -> None:
    model, task = Told(), orders[0]
    image = task.truth.observation.image
    editor = Retoucher(model, "sdedit", 0.4, {"guidance_scale": 2.0})
    assert torch.equal(editor.given(task), image)
    assert torch.equal(editor.edit(task, image), image + 1)
    assert torch.equal(editor.repeat(image), image + 1)
    (wishes, settings), (none, still) = model.asked
    assert (wishes, settings["strength"], settings["seed"]) == ((task.wish,), 0.4, int(task.truth.record.seed))
    assert (settings["method"].name, settings["guidance_scale"], settings["memory"]) == ("sdedit", 2.0, editor.memory)
    assert (none, still) == ((), {"strength": 0.0, "seed": 0})
    assert editor.name == "toy"
    assert editor.about() == {
        "model": "toy", "weights": "ab" * 32, "method": "sdedit", "strength": 0.4,
        "settings": {"guidance_scale": "2.0"}, "pictures": "renders",
    }  # fmt: skip


def test_half_the_bits_are_asked_for_and_reported(orders) -> None:
    model, task = Told(), orders[0]
    editor = Reviser(model, "prompt-to-prompt", half=True)
    editor.repeat(editor.edit(task, editor.given(task)))
    assert [settings["accelerate"] for _, settings in model.asked] == [Execution("bfloat16")] * 3
    assert (editor.name, editor.about()["model"]) == ("toy, bfloat16", "toy, bfloat16")


def test_a_method_that_must_know_what_is_shown_is_told(orders, monkeypatch) -> None:
    @dataclass(frozen=True)
    class Knowing:
        source: str = ""
        power: int = 1

        def options(self):
            return {"source": self.source, "power": self.power}

        def of(self, options):
            return Knowing(**options)

    monkeypatch.setattr(editing, "choose", lambda asked, given: Knowing(power=3))
    model, task = Told(), orders[0]
    Retoucher(model, "knowing:power=3").edit(task, task.truth.observation.image)
    [((wish,), settings)] = model.asked
    assert settings["method"] == Knowing(task.shown, 3)
    assert wish is task.retold
    assert wish.prompts != (task.shown,)
    assert wish.claims == task.wish.claims


def test_a_model_revises_its_own_pictures_by_the_words_and_the_seed_that_they_are_from(orders) -> None:
    model, task = Told(), orders[0]
    editor = Reviser(model, "prompt-to-prompt:cross=0.5", settings={"num_inference_steps": 9})
    editor.edit(task, editor.given(task))
    (told, making), ((wish,), settings) = model.asked
    assert (told, making) == ((task.shown,), {"seed": task.seed, "num_inference_steps": 9})
    assert settings["method"] == PromptToPrompt(source=task.shown, seed=task.seed, cross=0.5)
    assert (wish, settings["seed"], settings["num_inference_steps"]) == (task.retold, task.seed, 9)
    Reviser(model, "null-text").edit(task, editor.given(task))
    assert model.asked[-1][1]["method"].source == task.shown


def test_what_was_tuned_to_make_a_change_is_told_nothing(orders) -> None:
    model = Told()
    Retoucher(model, "diffusionclip:adapter=somewhere").edit(orders[0], orders[0].truth.observation.image)
    [(wishes, settings)] = model.asked
    assert (wishes, settings["method"].adapter) == ((), "somewhere")


def test_what_was_measured_once_for_all_changes_is_told_which(orders) -> None:
    model, task = Told(), orders[0]
    Retoucher(model, "styleclip-direction:adapter=somewhere").edit(task, task.truth.observation.image)
    Retoucher(model, "styleclip").edit(task, task.truth.observation.image)
    (directed, settings), (sought, _) = model.asked
    assert (directed, settings["method"].source) == ((task.retold,), task.shown)
    assert sought == (task.wish,)


@pytest.mark.parametrize("key", KEYS)
def test_any_trait_can_be_the_one_that_is_asked_for(orders, key: str) -> None:
    values = [value for value in BY_KEY[key].values if value != "none"]
    asked = [ask(order.truth, key, value) for order in orders for value in values[-2:]]
    found = [task for task in asked if task is not None]
    assert found
    for task in found:
        [[claim]] = task.wish.claims
        assert claim.holds({key: task.changed.value(key, 0)})
        assert task.truth.record.value(key, 0) != task.changed.value(key, 0)


def test_what_is_told_before_and_after_differs_in_the_trait_alone(orders) -> None:
    truth = orders[0].truth
    for task in [ask(truth, key, value) for key in SALIENT for value in BY_KEY[key].values[:2]]:
        if task is not None:
            before, after = task.shown.split(", "), task.retold.prompts[0].split(", ")
            assert len(set(before) - set(after)) == len(set(after) - set(before)) == 1
            assert [tag for tag in before if tag in after] == [tag for tag in after if tag in before]


def test_one_change_may_be_asked_for_of_all_that_are_not_so(bench, orders) -> None:
    value = orders[0].truth.record.value("background", 0)
    few = replace(bench, truth=lambda start, count: orders[(start - FIRST) // CHUNK % COUNT].truth)
    found = list(tasks(few, COUNT, 0, f"background={value}"))
    assert [task.key for task in found] == ["background"] * COUNT
    assert all(task.truth.record.value("background", 0) != value for task in found)
    with pytest.raises(LimitError, match=f"0 can be changed to background={value}"):
        list(tasks(replace(bench, truth=lambda start, count: orders[0].truth), 1, 0, f"background={value}"))
    with pytest.raises(NotFoundError, match="no trait called 'backgrund'"):
        next(tasks(bench, 1, 0, "backgrund=green"))
    with pytest.raises(NotFoundError, match="no background called 'gren'"):
        next(tasks(bench, 1, 0, "background=gren"))


def test_a_method_that_needs_more_is_refused_at_once(orders) -> None:
    model = Told()
    with pytest.raises(InputError, match="inpaint needs a mask"):
        Retoucher(model, "inpaint").edit(orders[0], orders[0].truth.observation.image)
    assert model.asked == []
