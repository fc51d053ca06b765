from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from misen.app import Recipe
from misen.app.parameters import parameters
from misen.app.recipe import ModelReference, SignalEntry
from misen.core.errors import StorageError
from misen.core.registry import modalities

CAMERA = modalities()["camera"].signal(yaw=50)


def test_a_saved_picture_holds_pixels_parameters_and_recipe(model, tmp_path):
    [image] = model.synthesize(CAMERA, seed=9).images
    image.save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as saved:
        assert np.array_equal(np.asarray(saved), np.asarray(image.pil))
        assert json.loads(saved.text["misen_recipe"]) == json.loads(image.recipe.canonical())
        assert saved.text["parameters"].startswith("Steps: 12, Sampler: euler, CFG scale: 2, Seed: 9, Size: 8x8")
    assert image.encode() == (tmp_path / "a.png").read_bytes()


def test_nothing_is_overwritten_without_permission(model, tmp_path):
    [image] = model.synthesize(seed=9).images
    image.save(tmp_path / "a.png")
    with pytest.raises(StorageError, match="exists"):
        image.save(tmp_path / "a.png")
    image.save(tmp_path / "a.png", overwrite=True)
    with pytest.raises(StorageError, match="there is no folder"):
        image.save(tmp_path / "missing" / "a.png")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_parameters_follow_the_grammar_other_tools_read():
    recipe = Recipe(
        model=ModelReference(name="avatars/toy, small", sha256="0123456789abcdef"),
        guidances=(SignalEntry(modality="text", content=[{"text": "a bald man"}]).model_dump(),),
        negatives=(SignalEntry(modality="text", content=[{"text": "a hat"}]),),
        seeds=(7,), sampler="heun", num_inference_steps=20, guidance_scale=3.5, width=64, height=64,
    )  # fmt: skip
    assert parameters(recipe).splitlines() == [
        "a bald man",
        "Negative prompt: a hat",
        'Steps: 20, Sampler: heun, CFG scale: 3.5, Seed: 7, Size: 64x64, Model hash: 0123456789, '
        'Model: "avatars/toy, small", Version: misen 0.1.0',
    ]


def test_the_report_is_json(model):
    report = model.synthesize(CAMERA, seed=9, num_images=2).report()
    assert json.loads(json.dumps(report))["seeds"] == [9, 10]
    assert report["plan"]["evaluations"] == 24
