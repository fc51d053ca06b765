from __future__ import annotations

import pytest
import torch

from misen import assembly
from misen.app import forecast
from misen.core.errors import InputError
from misen.core.registry import modalities
from misen.core.view import View

CAMERA = modalities()["camera"].signal(yaw=50)


def disagreement(picture):
    view = View(picture.tensor[None])
    return float(assembly.energies()["camera"].begin(CAMERA, view)(view))


def test_the_best_candidate_is_kept_and_made_again_by_its_own_recipe(model):
    [best] = model.synthesize(CAMERA, seed=7, best_of=4).images
    candidates = model.request(CAMERA, seed=7, best_of=4).candidates(0)
    made = model.fulfil(candidates).images
    assert [picture.seed for picture in made] == list(candidates.seeds)
    assert made[0].seed == 7
    assert len({*candidates.seeds}) == 4
    assert disagreement(best) == min(map(disagreement, made))
    [again] = model.fulfil(model.order(best.recipe)).images
    assert torch.equal(again.tensor, best.tensor)
    assert again.recipe == best.recipe


def test_batches_of_candidates_choose_alike(model):
    one, several = (model.synthesize(CAMERA, seed=3, num_images=2, best_of=3, batch_size=size) for size in (1, 2))
    assert [picture.seed for picture in one.images] == [picture.seed for picture in several.images]
    assert list(one.recipe.seeds) == [picture.seed for picture in one.images]


def test_where_nothing_is_wished_the_first_is_kept(model):
    [free], [chosen] = (model.synthesize(seed=3, best_of=tries).images for tries in (1, 3))
    assert torch.equal(free.tensor, chosen.tensor)
    assert free.recipe == chosen.recipe


def test_progress_counts_every_candidate_and_the_forecast_tells_of_them(model):
    seen = []
    model.synthesize(CAMERA, seed=1, num_images=2, best_of=3, callback_on_step_end=seen.append)
    assert {progress.walks for progress in seen} == {6}
    assert seen[-1].fraction == 1
    told = forecast(model, model.request(CAMERA, seed=1, best_of=3))
    assert "2 further candidates of each picture" in told.uncounted


def test_fewer_than_one_candidate_is_refused(model):
    with pytest.raises(InputError, match="best_of"):
        model.request(CAMERA, best_of=0)
