from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from misen.app import Recipe, Verdict, replay
from misen.app.replay import changed, compare


def test_the_same_picture_comes_out_again(picture, installed):
    assert replay(picture) == Verdict("identical", "", 0)


@pytest.mark.parametrize("method", ["auto", "ilvr:factor=4", "ilvr:factor=2,until=0.5"])
def test_an_edit_comes_out_again(model, picture, installed, tmp_path, method):
    edited = model.edit(picture, method=method, seed=3).images[0].save(tmp_path / "edited.png")
    assert replay(edited) == Verdict("identical", "", 0)


@pytest.mark.parametrize(("shift", "status"), [(1, "within tolerance"), (40, "differs")])
def test_other_pixels_are_measured(picture, installed, shift, status):
    with Image.open(picture) as saved:
        pixels, text = np.asarray(saved).astype(int), saved.text["misen_recipe"]
    shifted = np.where(pixels > 128, pixels - shift, pixels + shift).astype(np.uint8)
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text("misen_recipe", text)
    Image.fromarray(shifted).save(picture, pnginfo=chunks)
    assert replay(picture) == Verdict(status, "pixels", shift)


def test_the_likeliest_cause_is_named(picture):
    recipe = Recipe.read(picture)
    other = recipe.model_copy(update={"versions": {**recipe.versions, "torch": "1.0"}, "device": "cuda"})
    assert changed(recipe, other) == "versions.torch"
    assert changed(recipe, recipe.model_copy(update={"guidance_scale": 9.0})) == "guidance_scale"
    small, large = np.zeros((8, 8, 3), np.uint8), np.zeros((9, 9, 3), np.uint8)
    assert compare(small, large, recipe, other).status == "differs"
