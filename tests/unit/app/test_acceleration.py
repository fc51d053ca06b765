"""Ways of running faster: asked for, chosen by a probe, written down and taken again."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import partial

import pytest
import torch

from misen import assembly
from misen.app import Model, Recipe, acceleration, forecast, replay
from misen.app.acceleration import Choice, choose
from misen.core.errors import ConfigError, InputError, LimitError
from misen.core.execution import Execution
from misen.core.guidance import Consistency, Guidance
from misen.nn import room
from toys import ToyDiffusion

HALF = Execution("bfloat16")


@dataclass
class Hasty(ToyDiffusion):
    """Answers that are off by as much as they are hurried."""

    haste: float = 0.0

    def predict(self, state, level, conditions):
        estimate = super().predict(state, level, conditions)
        return estimate.at(estimate.point + self.haste)

    def reusing(self, interval):
        return replace(self, haste=self.haste + 0.1 * interval)

    def executed(self, execution):
        return replace(self, haste=0.05 * execution.threads)


@pytest.fixture
def hasty(model, monkeypatch, tmp_path):
    """A model that can be hurried, which can be opened by name; notes go to an empty folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    opened = replace(model.opened, generator=Hasty(dict(model.opened.generator.ports)))
    monkeypatch.setattr(assembly, "open_model", lambda name, device, adapters: opened)
    return Model(opened)


# --- asked for -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings", [{"cache_interval": 3}, {"accelerate": HALF}, {"accelerate": Execution(threads=3)}]
)
def test_what_is_asked_for_is_written_down_and_taken_again(hasty, tmp_path, settings):
    usual, fast = (hasty.synthesize(seed=4, **given).images[0] for given in ({}, settings))
    assert not torch.equal(usual.tensor, fast.tensor)
    assert (usual.recipe.cache_interval, usual.recipe.execution) == (1, None)
    assert fast.recipe.cache_interval == settings.get("cache_interval", 1)
    assert (fast.recipe.execution and fast.recipe.execution.execution()) == settings.get("accelerate")
    assert replay(fast.save(tmp_path / "fast.png")).status == "identical"


def test_the_usual_way_stays_the_usual_way(hasty):
    first = hasty.synthesize(seed=4).images[0].tensor
    hasty.synthesize(seed=4, accelerate=HALF, cache_interval=2)
    assert torch.equal(hasty.synthesize(seed=4, cache_interval=1).images[0].tensor, first)


def test_a_recipe_from_before_is_the_usual_way(hasty):
    document = json.loads(hasty.synthesize(seed=4).recipe.canonical())
    del document["cache_interval"], document["execution"]
    recipe = Recipe.parse(json.dumps(document))
    assert (recipe.cache_interval, recipe.execution) == (1, None)


def test_unknown_keys_of_a_way_are_refused(hasty):
    document = json.loads(hasty.synthesize(seed=4, accelerate=HALF).recipe.canonical())
    document["execution"]["thread"] = 2
    with pytest.raises(ConfigError, match=r"unknown key 'execution\.thread'.*threads"):
        Recipe.parse(json.dumps(document))


def test_models_that_cannot_are_asked_in_vain(model):
    with pytest.raises(InputError, match="nothing to reuse"):
        model.request(cache_interval=2, seed=0)
    with pytest.raises(InputError, match="cannot be run otherwise, bfloat16, eager, 1 thread was asked for"):
        model.request(accelerate=HALF, seed=0)
    with pytest.warns(UserWarning, match=r"not accelerated: .* cannot be run otherwise"):
        request = model.request(accelerate=True, seed=0)
    assert (request.execution, request.reason) == (None, f"{model.name} cannot be run otherwise")
    with pytest.raises(InputError, match="cache_interval must be a whole number from 1"):
        model.request(cache_interval=0, seed=0)


# --- chosen ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def clock(monkeypatch, tmp_path):
    """A clock that shows what walks take, and the walks that were taken."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    monkeypatch.setattr(acceleration, "compilers", lambda: ["compiled"])
    now, taken = [0.0], []
    monkeypatch.setattr(acceleration.time, "perf_counter", lambda: now[0])

    def walk(execution):
        execution = execution or Execution()
        first = execution.engine == "compiled" and execution not in taken
        taken.append(execution)
        halved = (execution.precision == "bfloat16") + (execution.engine == "compiled")
        now[0] += 4.0 * 0.5**halved / execution.threads**0.5 + 100.0 * first

    return walk, taken


CPU = {"device": "cpu", "weights": "ab"}


def test_the_fastest_way_is_chosen_and_remembered(clock):
    walk, taken = clock
    assert choose(walk, 20, CPU).execution == Execution("bfloat16", "eager", 2)
    assert len(taken) == 5 * 4
    assert choose(walk, 20, CPU).execution == Execution("bfloat16", "eager", 2)
    assert len(taken) == 5 * 4
    choose(walk, 20, {**CPU, "weights": "cd"})
    assert len(taken) == 2 * 5 * 4


def test_compilers_are_tried_for_long_work_alone(clock):
    walk, _ = clock
    assert choose(walk, 4000, CPU).execution == Execution("bfloat16", "compiled", 2)
    assert choose(walk, 20, CPU).execution == Execution("bfloat16", "eager", 2)


def test_what_fails_is_not_chosen(clock):
    walk, _ = clock

    def failing(execution):
        if execution is not None and (execution.precision == "bfloat16" or execution.engine == "compiled"):
            raise RuntimeError
        walk(execution)

    assert choose(failing, 4000, CPU).execution == Execution("float32", "eager", 2)


def test_what_memory_forbids_today_is_tried_another_time(clock):
    walk, _ = clock

    def cramped(execution):
        if execution is not None and execution.precision == "bfloat16":
            raise LimitError("no room")
        walk(execution)

    assert choose(cramped, 20, CPU).execution == Execution("float32", "eager", 2)
    assert choose(walk, 20, CPU).execution == Execution("bfloat16", "eager", 2)
    with pytest.raises(LimitError, match="no room"):
        choose(lambda execution: cramped(HALF), 20, {**CPU, "weights": "cd"})


def test_a_choice_says_why(clock):
    told = "the fastest of 5 ways that were timed, 0.35 s a step, as usual 1 s"
    assert choose(clock[0], 20, CPU).reason == told


def test_what_fails_as_usual_is_raised(clock):
    def failing(execution):
        raise RuntimeError("no room")

    with pytest.raises(RuntimeError, match="no room"):
        choose(failing, 20, CPU)


def test_what_is_hardly_faster_is_left(clock, monkeypatch):
    walk, _ = clock
    choice = choose(lambda execution: walk(None), 20, CPU)
    assert choice == Choice(None, "none of 4 other ways that were timed takes less than 90% of its time")


def test_notes_that_cannot_be_read_are_made_again(clock):
    walk, taken = clock
    choose(walk, 20, CPU)
    [notes] = acceleration.folder().iterdir()
    notes.write_text("{}")
    assert choose(walk, 20, CPU).execution == Execution("bfloat16", "eager", 2)
    assert len(taken) == 2 * 5 * 4


def test_who_cannot_keep_notes_is_served_too(clock, tmp_path, monkeypatch):
    walk, _ = clock
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert choose(walk, 20, CPU).execution == Execution("bfloat16", "eager", 2)


def test_the_probe_walks_as_the_request_would(hasty, monkeypatch):
    asked = []

    def chosen(walk, steps, circumstances):
        walk(HALF)
        asked.append((steps, circumstances))
        return Choice(HALF, "it is fast")

    monkeypatch.setattr(acceleration, "choose", chosen)
    request = hasty.request(accelerate=True, seed=0, num_images=3, num_inference_steps=7)
    assert (request.execution, request.reason) == (HALF, "it is fast")
    [(steps, circumstances)] = asked
    told = {"device": "cpu", "weights": "ab" * 32, "size": "8x8"}
    assert (steps, {name: circumstances[name] for name in told}) == (21, told)


def test_walks_of_another_kind_have_other_notes(hasty, monkeypatch):
    seen = []
    monkeypatch.setattr(acceleration, "choose", lambda walk, steps, told: seen.append(told) or Choice())
    order = partial(hasty.request, accelerate=True, seed=0)
    order(num_inference_steps=7)
    order(num_inference_steps=9, num_images=2)
    assert seen[0] == seen[1]
    order(cache_interval=2)
    order("a man")
    order(Guidance(signal=assembly.words("a man"), consistency=Consistency(copies=2)))
    assert len({tuple(circumstances.items()) for circumstances in seen}) == 4


def test_the_probe_minds_memory(hasty, monkeypatch):
    monkeypatch.setattr(room, "free", lambda device: 1)
    with pytest.raises(LimitError, match="a picture of 8 x 8 needs"):
        hasty.request(accelerate=True, seed=0)


def test_one_other_way_is_ready_at_a_time(hasty):
    ways, request = hasty._ways, hasty.request(seed=0)
    first = ways.generator(replace(request, execution=HALF))
    assert ways.generator(replace(request, execution=replace(HALF, threads=2))) is first
    other = ways.generator(replace(request, execution=Execution()))
    assert other is not first
    assert ways._other == (Execution(), other)
    assert ways.generator(request) is hasty.opened.generator


def test_the_plan_and_the_forecast_show_the_choice(hasty, monkeypatch):
    monkeypatch.setattr(acceleration, "choose", lambda *_: Choice(HALF, "it is fast"))
    request = hasty.request(accelerate=True, seed=0, cache_interval=2)
    plan = hasty.decide(request)
    assert plan.to_json()["execution"] == {"precision": "bfloat16", "engine": "eager", "threads": 1}
    assert plan.to_json()["cache_interval"] == 2
    assert "networks run in bfloat16, eager, 1 thread" in plan.explain()
    assert "the whole network in one of 2 evaluations" in plan.explain()
    told = forecast(hasty, request)
    assert told.way == "in bfloat16, eager, 1 thread: it is fast"
    assert told.explain().startswith("run in bfloat16, eager, 1 thread: it is fast\n")
    assert forecast(hasty, hasty.request(seed=0)).way == ""
