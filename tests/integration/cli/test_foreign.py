"""The command with somebody else's model."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from PIL import Image

import foreign
from misen.app import load
from misen.cli.entry import run


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return foreign.plain(tmp_path_factory.mktemp("foreign") / "model")


@pytest.fixture
def misen(folder, capsys):
    """Exit code, standard output and standard error of a command with that model, in three steps."""

    def call(*arguments):
        code = run([*map(str, arguments), "--model", str(folder), "--steps", "3"])
        return code, *capsys.readouterr()

    return call


def test_pictures_of_other_sizes_are_made_and_repeated(misen, tmp_path, capsys):
    code, out, _ = misen(
        "generate", "--text", "a red circle", "--size", "40x24", "--seed", 5, "-o", tmp_path / "a.png", "--json"
    )
    assert code == 0
    assert json.loads(out)["plan"]["guidances"][0]["route"] == "native"
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.size == (40, 24)
    assert run(["replay", str(tmp_path / "a.png")]) == 0
    assert "identical" in capsys.readouterr().out


def test_pictures_are_edited_under_a_mask(misen, tmp_path):
    Image.effect_noise((32, 32), 90).convert("RGB").save(tmp_path / "a.png")
    mask = Image.new("L", (32, 32), 0)
    mask.paste(255, (8, 8, 24, 24))
    mask.save(tmp_path / "mask.png")
    code, _, complaint = misen(
        "edit", tmp_path / "a.png", "--text", "a blue square", "--mask", tmp_path / "mask.png", "-o", tmp_path / "b.png"
    )
    assert code == 0
    assert "Loading" not in complaint
    with Image.open(tmp_path / "a.png") as before, Image.open(tmp_path / "b.png") as after:
        assert before.getpixel((3, 3)) == after.getpixel((3, 3))
        assert before.crop((8, 8, 24, 24)).tobytes() != after.crop((8, 8, 24, 24)).tobytes()


def test_edits_of_other_shapes_are_reported(folder, monkeypatch):
    monkeypatch.setattr("misen.app.result.report_edit", lambda *given: given)
    model = load(folder)
    result = model.edit(torch.zeros(3, 24, 40), seed=1, num_inference_steps=2, height=24, width=40)
    [(_, before, after, control, *_)] = result.edit_reports(model, "a grader")
    assert before.shape == after.shape == control.shape == (1, 3, 24, 40)


@pytest.mark.parametrize("size", ["30x32", "32x0", "4096x32"])
def test_sizes_that_do_not_fit_are_refused(misen, tmp_path, size):
    code, _, complaint = misen("generate", "--size", size, "-o", tmp_path / "a.png")
    assert code == 2
    assert "allowed range 4 to 2048, step 4" in complaint


def test_pickled_weights_are_refused(folder, tmp_path, capsys):
    broken = shutil.copytree(folder, tmp_path / "model")
    torch.save({"weight": torch.zeros(2)}, broken / "unet" / "diffusion_pytorch_model.safetensors")
    assert run(["generate", "--model", str(broken), "-o", str(tmp_path / "a.png")]) == 3
    complaint = capsys.readouterr().err
    assert "pickle refused" in complaint
    assert "misen convert" in complaint


def test_models_of_the_hub_must_have_been_fetched(tmp_path, capsys):
    assert run(["generate", "--model", "nobody/nothing", "-o", str(tmp_path / "a.png")]) == 2
    assert "hf download nobody/nothing" in capsys.readouterr().err
