from __future__ import annotations

import pytest
import torch

import foreign
from misen.app import forecast, load, outline
from misen.app.forecast import Forecast, Workload, sufficient
from misen.core.errors import LimitError
from misen.nn import room


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
    assert known.explain() == "about 2.5 GB of memory, with 80.0 MB free; 1.2 s and 12.0 GFLOP a picture"


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
