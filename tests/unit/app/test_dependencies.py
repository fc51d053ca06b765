"""Files that pictures depend on are in their recipe by digest, and a changed one is named."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from misen import assembly
from misen.app import Model, Recipe, run
from misen.app.dependencies import check, digests
from misen.app.request import Request
from misen.core.errors import InputError
from misen.core.guidance import Consistency, Guidance
from misen.core.registry import modalities
from misen.editing.canvas import Canvas
from misen.editing.methods.diffusionclip import DiffusionCLIP
from misen.editing.methods.sdedit import SDEdit

CAMERA = modalities()["camera"].signal(yaw=50)


class Brightness:
    """How far pictures are from half of white."""

    def begin(self, signal, first):
        return lambda view: (view.image.mean((1, 2, 3)) - 0.5).square()


class Folders(dict):
    """Measures by name, and others from folders."""

    def opened(self, folder):
        return Brightness() if (Path(folder) / "config.json").is_file() else None


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """As of a joint embedding."""
    for name in ("config.json", "model.safetensors", "merges.txt", "README.md"):
        path = tmp_path / "embedding" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
    return tmp_path / "embedding"


@pytest.fixture(autouse=True)
def measured(monkeypatch: pytest.MonkeyPatch) -> None:
    energy = Brightness()
    energy.measures = Folders(usual=energy)
    monkeypatch.setattr(assembly, "energies", lambda: {"camera": energy})


def wish(measure: object, route: str = "consistency") -> Guidance:
    return Guidance(signal=CAMERA, route=route, consistency=Consistency(measure=str(measure)))


def made(model: Model, measure: object, route: str = "consistency") -> Recipe:
    return model.synthesize(wish(measure, route), seed=1, num_inference_steps=2).recipe


def edit(method) -> Request:
    canvas = Canvas.fit(torch.zeros(1, 3, 8, 8), None, 8)
    return Request((), (), (0,), 8, 8, canvas, method, strength=1.0, sampler="euler", steps=2, scale=1.0)


def test_what_measures_a_wish_is_in_the_recipe_file_by_file(model, folder):
    names = ("config.json", "model.safetensors", "merges.txt")
    expected = {f"{folder}/{name}": assembly.fingerprint(folder / name) for name in names}
    assert Recipe.parse(made(model, folder).canonical()).files == expected


@pytest.mark.parametrize(("measure", "route"), [("usual", "consistency"), ("", "consistency"), (None, "auto")])
def test_what_lies_in_no_folder_or_does_not_act_is_not(model, folder, measure, route):
    assert made(model, folder if measure is None else measure, route).files == {}


def test_a_changed_file_is_named_before_anything_is_computed(model, folder, installed):
    recipe = made(model, folder)
    assert run(recipe).recipe.files == recipe.files
    (folder / "merges.txt").write_text("other words")
    with pytest.raises(InputError, match=r"embedding/merges\.txt is not as it was when the recipe was made"):
        run(recipe)
    with pytest.raises(InputError, match="is not as it was"):
        run(recipe.model_copy(update={"files": {**recipe.files, f"{folder}/model.safetensors": ""}}))
    assert run(recipe.with_any_weights()).recipe.files != recipe.files


def test_a_file_that_is_gone_is_named_too(model, folder):
    recipe, request = made(model, folder), model.request(wish(folder), seed=1)
    check(recipe.files, request)
    (folder / "model.safetensors").unlink()
    with pytest.raises(InputError, match=r"model\.safetensors was used when the recipe was made, and is not now"):
        check(recipe.files, request)
    check({**recipe.files, f"{folder}/model.safetensors": ""}, request)


def test_only_files_of_the_request_are_read(model, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("word")
    request = model.request(seed=1)
    with pytest.raises(InputError, match=r"secret\.txt was used"):
        check({str(secret): assembly.fingerprint(secret)}, request)


def test_what_a_method_was_taught_is_among_them(folder):
    request = edit(DiffusionCLIP(adapter=str(folder)))
    assert f"{folder}/model.safetensors" in digests(request)
    assert digests(edit(SDEdit())) == {}
