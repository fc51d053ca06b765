"""Pictures larger than their model makes them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from misen import assembly
from misen.app import Model, Recipe, replay, run
from misen.app.sides import Sides
from misen.core.errors import ConfigError, InputError
from misen.core.image import from_bytes, to_bytes
from misen.generators.diffusion.upscaler.folder import describe, load
from misen.nn import weights
from misen.synthesis.enlarge import enlarge
from tiny import install_upscaler, upscaler

SMALL, LARGE = 8, 32


@pytest.fixture
def larger(model: Model, monkeypatch) -> Model:
    """The toy model, with an upscaler from 8 to 32 pixels."""
    install_upscaler(monkeypatch, SMALL)
    return model


@pytest.fixture
def without(model: Model, monkeypatch) -> Model:
    monkeypatch.setattr(assembly, "open_upscaler", lambda device: None)
    return model


def test_a_large_picture_is_the_small_one_enlarged(larger):
    settings = {"seed": 3, "num_images": 2}
    small, large = larger.synthesize(**settings), larger.synthesize(**settings, width=LARGE, height=LARGE)
    for first, second in zip(small.images, large.images, strict=True):
        assert second.tensor.shape == (3, LARGE, LARGE)
        expected = enlarge(upscaler(SMALL), from_bytes(to_bytes(first.tensor[None])), [first.seed])[0]
        assert torch.equal(second.tensor, expected)
        shrunk = torch.nn.functional.avg_pool2d(second.tensor, LARGE // SMALL)
        assert (shrunk - from_bytes(to_bytes(first.tensor[None]))[0]).square().mean().sqrt() <= 0.03
    assert torch.equal(small.images[0].tensor, larger.synthesize(seed=3, width=SMALL, height=SMALL).images[0].tensor)


def test_a_square_that_the_upscaler_makes_is_one_large_picture_for_models_of_many_sizes_too(monkeypatch):
    install_upscaler(monkeypatch, SMALL)
    sides = Sides(SimpleNamespace(size=SMALL, side_step=4, sized=lambda height, width: None), "cpu")
    assert sides.made(LARGE, LARGE) == (SMALL, SMALL)
    assert sides.above(LARGE, LARGE) is sides.upscaler
    for size in ((SMALL, LARGE), (LARGE, LARGE + 4), (SMALL, SMALL)):
        assert sides.checked(*size) == sides.made(*size) == size
        assert sides.above(*size) is None


def test_the_plan_counts_the_upscaler(larger):
    small, large = larger.plan(seed=3), larger.plan(seed=3, width=LARGE, height=LARGE)
    assert small.besides == {}
    assert large.besides == {"the upscaler": upscaler(SMALL).habits.steps}
    assert large.evaluations == small.evaluations + upscaler(SMALL).habits.steps


def test_the_recipe_carries_size_and_upscaler_and_makes_it_again(larger, installed, tmp_path):
    result = larger.synthesize(seed=3, width=LARGE, height=LARGE)
    recipe = Recipe.parse(result.recipe.canonical())
    assert (recipe.width, recipe.height) == (LARGE, LARGE)
    assert recipe.upscaler.model_dump() == {"name": "avatars/upscaler", "sha256": "cd" * 32}
    assert torch.equal(run(recipe).images[0].tensor, result.images[0].tensor)
    path = result.images[0].save(tmp_path / "large.png")
    assert replay(path).status == "identical"
    assert f"Size: {LARGE}x{LARGE}" in result.images[0].parameters
    assert "Hires upscaler: avatars/upscaler" in result.images[0].parameters
    assert larger.synthesize(seed=3).recipe.upscaler is None


def test_another_upscaler_is_refused_by_a_recipe_and_named_by_replay(larger, installed, monkeypatch, tmp_path):
    result = larger.synthesize(seed=3, width=LARGE, height=LARGE)
    path = result.images[0].save(tmp_path / "large.png")
    install_upscaler(monkeypatch, SMALL, sha256="ef" * 32)
    with pytest.raises(InputError, match=r"other weights of avatars/upscaler") as caught:
        run(result.recipe)
    assert caught.value.field == "upscaler.sha256"
    run(result.recipe.with_any_weights())
    assert replay(path).status == "identical"
    with pytest.raises(ConfigError, match=r"upscaler\.weights"):
        Recipe.parse('{"model": {"name": "toy"}, "upscaler": {"name": "u", "weights": 3}}')


@pytest.mark.parametrize(
    ("sides", "complaint"),
    [
        ({"width": 16, "height": 16}, "width must be one of 8, 32, got 16"),
        ({"width": LARGE}, "pictures are square, got 32 x 8"),
        ({"width": True, "height": LARGE}, "width must be one of 8, 32, got True"),
    ],
)
def test_other_sizes_are_refused(larger, sides, complaint):
    with pytest.raises(InputError, match=complaint):
        larger.request(**sides, seed=0)


def test_without_an_upscaler_there_is_one_size(without):
    with pytest.raises(InputError, match="width must be 8, got 32"):
        without.request(width=LARGE, height=LARGE, seed=0)


def test_an_upscaler_of_other_pictures_does_not_count(model, monkeypatch):
    install_upscaler(monkeypatch, 64)
    with pytest.raises(InputError, match="width must be 8, got 32"):
        model.request(width=LARGE, height=LARGE, seed=0)


def test_an_edit_is_made_small_and_enlarged(larger):
    picture = torch.zeros(3, LARGE, LARGE)
    picture[:, :, : LARGE // 2] = 0.5
    mask = torch.zeros(1, LARGE, LARGE)
    mask[:, : LARGE // 2] = 1
    result = larger.edit(picture, mask=mask, seed=1, width=LARGE, height=LARGE)
    assert result.images[0].tensor.shape == (3, LARGE, LARGE)
    assert result.change["repainted"] > 5 * result.change["kept"]
    assert result.recipe.canvas is not None
    again = larger.fulfil(larger.order(result.recipe))
    assert torch.equal(again.images[0].tensor, result.images[0].tensor)


def test_the_judge_sees_the_large_picture(larger, monkeypatch):
    result = larger.edit(torch.zeros(3, LARGE, LARGE), seed=1, width=LARGE, height=LARGE)
    monkeypatch.setattr("misen.app.result.report_edit", lambda *given: given)
    [(_, before, after, control, wishes, mask)] = result.edit_reports(larger, "a grader")
    assert torch.equal(after[0], result.images[0].tensor)
    assert before.shape == control.shape == after.shape
    assert (wishes, mask) == ([], None)


def test_it_is_opened_where_it_is_installed(tmp_path, monkeypatch):
    monkeypatch.setattr(assembly, "WEIGHTS", tmp_path)
    assert assembly.open_upscaler() is None
    made, folder = upscaler(SMALL), tmp_path / "avatars" / "upscaler"
    weights.save(made.network, folder, dict(describe(made.network, SMALL, made.habits)))
    opened = assembly.open_upscaler()
    assert (opened.name, opened.upscaler.size) == ("avatars/upscaler", LARGE)
    assert opened.sha256 == assembly.fingerprint(folder)
    assert load(folder).habits == opened.upscaler.habits
    with pytest.raises(InputError, match="makes no pictures"):
        assembly.open_model("avatars/upscaler")
