from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image

from misen.app import Recipe, run
from misen.app.recipe import GuidanceEntry
from misen.core.errors import ConfigError, InputError, NotFoundError
from misen.core.guidance import Consistency, Guidance
from misen.core.registry import modalities

CAMERA = modalities()["camera"].signal(yaw=50)


@pytest.fixture
def result(model):
    image = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    mask = np.full((8, 8), 255, np.uint8)
    mask[0] = 0
    wish = Guidance(signal=CAMERA, strength=0.8, window=(0.1, 0.9))
    return model.edit(image, wish, mask=mask, strength=0.7, seed=5, num_images=2, sampler="heun")


def test_it_round_trips_and_makes_the_same_pictures(result, installed):
    recipe = Recipe.parse(result.recipe.canonical())
    assert recipe == result.recipe
    again = run(recipe)
    for first, second in zip(result.images, again.images, strict=True):
        assert torch.equal(first.tensor, second.tensor)
    assert again.recipe == recipe


def test_it_holds_everything(result):
    document = json.loads(result.recipe.canonical())
    assert document["seeds"] == [5, 6]
    assert document["sampler"] == "heun"
    assert document["guidances"][0] | {"content": 0, "sha256": 0} == {
        "modality": "camera", "content": 0, "sha256": 0, "strength": 0.8, "window": [0.1, 0.9], "route": "native",
        "consistency": None,
    }  # fmt: skip
    assert (document["canvas"]["strength"], document["canvas"]["method"]) == (0.7, "inpaint")
    assert document["model"] == {"name": "toy", "sha256": "ab" * 32}
    assert set(document["versions"]) == {"misen", "torch"}


def test_the_options_of_consistency_are_kept_where_it_was_taken():
    wish = Guidance(signal=CAMERA, route="consistency", consistency=Consistency(copies=3, through=True))
    entry = GuidanceEntry.taken(wish, "consistency")
    assert GuidanceEntry.model_validate_json(entry.model_dump_json()).guidance().consistency == wish.consistency
    assert GuidanceEntry.taken(wish, "native").consistency is None


def test_a_recipe_from_before_methods_goes_by_the_mask(result, installed):
    document = json.loads(result.recipe.canonical())
    del document["canvas"]["method"], document["canvas"]["options"]
    again = run(Recipe.parse(json.dumps(document)))
    assert torch.equal(again.images[0].tensor, result.images[0].tensor)
    assert again.recipe == result.recipe


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"method": "inpant"}, "did you mean 'inpaint'"),
        ({"method": "ilvr"}, "method ilvr cannot be combined with a mask"),
        ({"method": "ilvr", "options": {"factor": 5}}, "factor of method ilvr must be one of 2, 4, 8, 16, 32, got 5"),
        ({"options": {"factor": 8}}, "method inpaint has no option 'factor'"),
        ({"options": {"factor": [8]}}, "canvas.options.factor"),
    ],
)
def test_a_method_that_does_not_fit_is_refused(result, installed, change, complaint):
    document = json.loads(result.recipe.canonical())
    document["canvas"] |= change
    with pytest.raises(InputError, match=complaint):
        run(Recipe.parse(json.dumps(document)))


def test_a_short_recipe_takes_the_defaults(installed):
    result = run(Recipe.parse('{"model": {"name": "toy"}, "seeds": [3]}'))
    assert result.recipe.num_inference_steps == 12
    assert result.images[0].seed == 3


@pytest.mark.parametrize(
    ("document", "where"),
    [
        ('{"model": {"name": "toy"}, "step": 3}', "step"),
        ('{"model": {"name": "toy"}, "guidance_scale": NaN}', "guidance_scale"),
        ('{"model": 7}', "model"),
        ("[]", "document"),
        ("{", "document"),
        ('{"model": {"name": "toy"}, "canvas": {"image": "", "strength": 2}}', "canvas.strength"),
    ],
)
def test_a_document_that_is_no_recipe_is_refused_with_the_place(document, where):
    with pytest.raises(ConfigError, match=r"my\.json") as caught:
        Recipe.parse(document, "my.json")
    assert caught.value.field in (where, "document")


def test_what_was_altered_is_refused(result, installed):
    document = json.loads(result.recipe.canonical())
    for path in (("guidances", 0), ("canvas",), ("model",)):
        altered = json.loads(json.dumps(document))
        place = altered
        for key in path:
            place = place[key]
        place["sha256"] = "00" * 32
        with pytest.raises(InputError, match=r"altered|other weights"):
            run(Recipe.parse(json.dumps(altered)))


def test_an_unknown_key_names_the_closest_of_its_own_table():
    wish = {"modality": "text", "content": [{}], "consistency": {"copy": 2}}
    with pytest.raises(ConfigError, match=r"unknown key 'guidances\.0\.consistency\.copy'.*did you mean 'copies'"):
        Recipe.parse(json.dumps({"model": {"name": "toy"}, "guidances": [wish]}))


def test_an_unknown_modality_names_the_closest(installed):
    recipe = Recipe.parse('{"model": {"name": "toy"}, "guidances": [{"modality": "camara", "content": [{}]}]}')
    with pytest.raises(NotFoundError, match="did you mean 'camera'"):
        run(recipe)


def test_the_schema_describes_every_field():
    schema = Recipe.model_json_schema()
    definitions = [schema, *schema["$defs"].values()]
    assert all("description" in field for d in definitions for field in d["properties"].values())


def test_it_is_read_from_a_picture(picture, tmp_path):
    assert Recipe.read(picture).seeds == (11,)
    Image.new("RGB", (8, 8)).save(tmp_path / "plain.png")
    with pytest.raises(InputError, match=r"plain\.png holds no recipe"):
        Recipe.read(tmp_path / "plain.png")
