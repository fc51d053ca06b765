from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace

import pytest
import torch

import foreign
from misen import Sketch, Text
from misen.app import forecast, load, outline
from misen.app.forecast import Forecast, Workload, _uncounted, sufficient
from misen.core.adapter import Adapter
from misen.core.errors import LimitError
from misen.core.execution import Execution
from misen.core.guidance import Consistency, Guidance
from misen.nn import pace, room
from misen.nn.execution import uncompiled
from misen.nn.rehearsal import Blank


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return foreign.plain(tmp_path_factory.mktemp("foreign") / "model")


@pytest.fixture(scope="module")
def whole(folder):
    return load(folder)


def ordered(model, **settings):
    return model.request("a red circle", seed=1, **{"num_inference_steps": 3, **settings})


def test_an_outline_plans_and_foretells_as_the_model_does(folder, whole):
    outlined = outline(folder)
    request = ordered(outlined)
    assert outlined.decide(request).to_json() == whole.decide(ordered(whole)).to_json()
    told, known = (model.workload(ordered(model)).cost() for model in (outlined, whole))
    assert told.flops == known.flops > 1e6
    assert told.peak == pytest.approx(known.peak, rel=0.2)


def test_work_grows_with_steps_sizes_and_guidance(whole):
    costs = [
        whole.workload(ordered(whole, **settings)).cost().flops
        for settings in ({}, {"num_inference_steps": 6}, {"width": 64, "height": 64}, {"guidance_scale": 1.0})
    ]
    plain, longer, larger, unguided = costs
    assert 1.5 * plain < longer < 2 * plain
    assert larger > 3 * plain
    assert unguided < 0.7 * plain


def test_a_forecast_is_for_people_and_programs(folder):
    model = outline(folder)
    told = forecast(model, ordered(model))
    assert Forecast(**told.to_json()) == told
    assert told.memory > 1e8
    assert " s to open the model, " in told.explain()
    known = Forecast(memory=2_500_000_000, free=80_000_000, flops=12_000_000_000, opening=0.0, seconds=1.25)
    more = replace(known, way="as usual: why not", uncounted=("the upscaler", "this"))
    assert more.explain() == f"run as usual: why not\n{known.explain()}\nnot counted: the upscaler, this"
    assert known.explain() == "about 2.5 GB of memory, with 80.0 MB free; 1.2 s and 12.0 GFLOP a picture"


def test_kept_features_and_edits_are_forecast_as_they_are_walked(whole):
    def flops(**settings):
        return whole.workload(ordered(whole, **{"num_inference_steps": 8, **settings})).cost().flops

    whole_walk, half, quarter = (flops(image=torch.zeros(3, 32, 32), strength=share) for share in (1.0, 0.5, 0.25))
    assert 0.4 * whole_walk < flops(cache_interval=2) < 0.9 * whole_walk
    assert whole_walk - half == pytest.approx(2 * (half - quarter), rel=0.01)


def test_a_controlnet_is_counted_where_it_acts(folder, tmp_path):
    beside = Adapter(str(foreign.control(tmp_path / "control")), modality="sketch")
    model, sketch = load(folder, adapters=[beside]), Sketch(torch.zeros(1, 1, 64, 64))
    wishes = ("a red circle", sketch, Guidance(signal=sketch, window=(0.0, 0.5)))
    plain, half, all_along = (
        model.workload(model.request(*wish, seed=1, num_inference_steps=4)).cost().flops
        for wish in (wishes[:1], wishes[::2], wishes[:2])
    )
    assert plain < half < all_along
    assert half - plain == pytest.approx((all_along - plain) / 2, rel=0.01)


def test_a_forecast_is_of_the_way_in_which_networks_are_run(whole, monkeypatch):
    seen = []
    monkeypatch.setattr(pace, "seconds", lambda calls: seen.append((torch.get_num_threads(), calls)) or 1.0)
    forecast(whole, ordered(whole, accelerate=Execution("bfloat16", threads=2)))
    [(threads, calls)] = seen
    formats = {leaf.dtype for call in calls if call.flops for leaf in call.leaves if isinstance(leaf, Blank)}
    assert (threads, formats) == (2, {torch.bfloat16})


def test_where_answers_are_made_in_one_pass_they_are_forecast_so(whole):
    def batches(cost):
        return {call.leaves[0].shape[0] for call in cost.calls if "convolution" in str(call.operation)}

    one, both = (whole.workload(ordered(whole, accelerate=way)).cost() for way in (False, Execution()))
    assert (batches(one), batches(both)) == ({1}, {1, 2})
    assert both.flops == pytest.approx(one.flops, rel=0.02)


def test_compiled_networks_are_rehearsed_operation_by_operation(monkeypatch):
    stances = []
    monkeypatch.setattr(torch.compiler, "set_stance", lambda stance: nullcontext(stances.append(stance)))
    with uncompiled("compiled"), uncompiled("eager"):
        assert stances == ["force_eager"]


def test_what_is_not_counted_is_told(whole):
    wish = Guidance(signal=Text("a man"), route="consistency", consistency=Consistency(through=True))
    request = whole.request(wish, image=torch.zeros(3, 32, 32), seed=1, num_inference_steps=2)
    walk = whole.decide(request).beside({"learning": 3})
    compiled = replace(request, execution=Execution(engine="compiled"))
    assert list(_uncounted(compiled, walk, walk.beside({"the upscaler": 9}))) == [
        "what energies compute", "gradients through the network", "reading the picture",
        "all but the predictions of learning", "the upscaler", "compiling, and what it saves",
    ]  # fmt: skip
    assert forecast(whole, ordered(whole)).uncounted == ()


def test_a_smaller_size_that_fits_is_named(whole, monkeypatch):
    order = whole.workload(ordered(whole, width=64, height=32))
    assert order.size == (32, 64)
    half = whole.workload(ordered(whole, width=32, height=16)).cost().peak
    monkeypatch.setattr(room, "free", lambda device: half)
    with pytest.raises(LimitError, match=r"a picture of 64 x 32 needs .*32 x 16 fits"):
        order.check()


def test_where_much_is_free_nothing_is_rehearsed(whole, monkeypatch):
    monkeypatch.setattr(Workload, "cost", None)
    monkeypatch.setattr(room, "free", lambda device: 1 << 40)
    whole.workload(ordered(whole)).check()


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 17592186044416 bytes"),
        MemoryError(),
    ],
)
def test_memory_that_runs_out_is_a_limit(whole, error):
    with pytest.raises(LimitError, match="16 x 16 fits"), sufficient(whole.workload(ordered(whole))):
        raise error


def test_memory_that_runs_out_in_earnest_is_a_limit(whole):
    with pytest.raises(LimitError, match="needs"), sufficient(whole.workload(ordered(whole))):
        torch.empty(1 << 60)


def test_models_of_one_size_have_no_smaller_one(model):
    order = model.workload(model.request(seed=1, num_images=2))
    assert "make fewer at once" in str(order.refusal())
    order = model.workload(model.request(seed=1))
    assert "choose a smaller model" in str(order.refusal())
