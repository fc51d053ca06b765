from __future__ import annotations

import errno
import json
import os
import re
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from misen.app import Recipe
from misen.core import files
from misen.media import png

INPUTS = Path(__file__).parents[3] / "examples" / "inputs"
pytestmark = pytest.mark.usefixtures("installed")


# --- generate ------------------------------------------------------------------------------------------------------


def test_pictures_are_numbered_and_hold_their_recipes(misen, tmp_path):
    outcome = misen("generate", "--camera", "yaw=20:strength=0.5", "-n", 2, "--seed", 5, "-o", tmp_path / "a.png")
    paths = [tmp_path / "a-0.png", tmp_path / "a-1.png"]
    assert (outcome.code, outcome.out) == (0, f"{paths[0]}  seed 5\n{paths[1]}  seed 6\n")
    again = misen("generate", "--recipe", paths[1], "-o", tmp_path / "b.png")
    assert again.code == 0
    assert (tmp_path / "b.png").read_bytes() == paths[1].read_bytes()
    assert 'Guidance camera: "native, strength 0.5"' in png.texts(paths[1])["parameters"]
    assert misen("replay", paths[0]).out == "identical\n"


def test_json_is_one_object_with_the_seed_that_was_drawn(misen, tmp_path):
    outcome = misen("generate", "--text", "a man", "--negative-text", "a hat", "--json", "-o", tmp_path)
    [seed] = outcome.json["seeds"]
    assert outcome.json["images"] == [str(tmp_path / f"misen-{seed}.png")]
    assert (tmp_path / f"misen-{seed}.png").is_file()
    assert outcome.json["plan"]["negatives"][0]["signal"] == ["a hat"]


def test_explain_makes_nothing(misen, idle, tmp_path):
    sketch = INPUTS / "sketch-top-hat.png"
    told = misen("generate", "--sketch", sketch, "--text", "a man", "--explain", "-o", tmp_path / "a.png")
    assert told.code == 0
    *plan, cost = told.out.splitlines()
    *same, _ = misen("explain", "--sketch", sketch, "--text", "a man").out.splitlines()
    assert plan == same
    assert re.fullmatch(r"about [\d.,]+ [MG]B of memory, with [\d.,]+ GB free; [\d.e-]+ s and .* GFLOP a picture", cost)
    assert "native: port 'sketch' was trained on sketch" in told.out
    plan = misen("explain", "--text", "a man", "--steps", 7, "--json").json
    assert (plan["steps"], plan["guidances"][0]["route"]) == (7, "native")
    assert plan["forecast"]["opening"] == 0
    assert plan["forecast"]["memory"] > 1e8
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (["--text", "half a \udcff character"], 2, "surrogate"),
        (["--size", "513x513"], 2, "width must be 64, got 513"),
        (["--steps", "0"], 2, "num_inference_steps must be a whole number from 1 to 1000, got 0"),
        (["--guidance-scale", "nan"], 2, "guidance_scale must be a number from 0 to 1000, got nan"),
        (["--seed", str(2**64)], 2, "seed must be a whole number from 0 to 2**63 - 1"),
        (["-n", "0"], 2, "num_images must be a whole number from 1"),
        (["--sampler", "oiler"], 2, "did you mean 'euler'?"),
        (["--model", "avatars/difusion"], 2, "did you mean 'avatars/diffusion'?"),
        (["--attributes", "hair_colour=blue"], 2, "did you mean 'hair_color'?"),
        (["--attributes", "glasses=round,glasses=none"], 2, "given twice"),
        (["--sketch", "missing.png"], 2, "there is no file 'missing.png'"),
        (["--sketch", __file__], 2, "looks like plain text"),
        (["--recipe", "missing.json"], 2, "there is no file 'missing.json'"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused_before_anything_is_made(arguments, code, complaint, misen, idle, tmp_path):
    outcome = misen("generate", *arguments, "-o", tmp_path / "a.png")
    assert (outcome.code, outcome.out) == (code, "")
    assert complaint in outcome.err
    assert outcome.err.count("\n") == 1


def test_unreachable_guidance_has_a_code_of_its_own(misen, tmp_path):
    outcome = misen("generate", "--text", "a:route=adapted", "-o", tmp_path / "a.png")
    assert (outcome.code, list(tmp_path.iterdir())) == (4, [])
    assert "text cannot be followed (adapted: no adapter is loaded)" in outcome.err


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        ('{"model": {"name": "a"}, "seed": [1]}', "seed"),
        ('{"model": {"name": "a"}, "guidance_scale": NaN}', "guidance_scale"),
        ('{"model": ', "EOF"),
    ],
)
def test_recipes_are_read_strictly(document, complaint, misen, idle, tmp_path):
    recipe = tmp_path / "recipe.json"
    recipe.write_text(document)
    outcome = misen("generate", "--recipe", recipe)
    assert outcome.code == 2
    assert complaint in outcome.err


def test_a_damaged_model_is_refused(misen, idle, installed, tmp_path):
    folder = tmp_path / "model"
    for source in (path for path in (installed / "avatars" / "diffusion").rglob("*") if path.is_file()):
        target = folder / source.relative_to(installed / "avatars" / "diffusion")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(source.read_bytes())
    weights = next((folder / "unet").glob("*.safetensors"))
    weights.write_bytes(b"\x80\x04\x95 not tensors but a pickle")
    outcome = misen("generate", "--model", folder)
    assert outcome.code == 3
    assert "pickle" in outcome.err


# --- where pictures go ---------------------------------------------------------------------------------------------


def test_nothing_is_overwritten_unless_allowed(misen, tmp_path):
    target = tmp_path / "a.png"
    target.write_bytes(b"mine")
    outcome = misen("generate", "-o", target)
    assert (outcome.code, target.read_bytes()) == (5, b"mine")
    assert "exists" in outcome.err
    assert misen("generate", "-o", target, "--overwrite").code == 0
    assert target.read_bytes() != b"mine"


@pytest.mark.parametrize("name", ["missing/a.png", "file/a.png", "locked/a.png"])
def test_folders_that_cannot_take_pictures_are_refused_first(name, misen, idle, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    (tmp_path / "locked").mkdir()
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "locked" and access(path, mode))
    outcome = misen("generate", "-o", tmp_path / name)
    assert outcome.code == 5
    assert name.split("/")[0] in outcome.err


def test_a_full_disk_keeps_what_is_finished(misen, tmp_path, monkeypatch):
    flush, written = files._flush, []

    def flush_until_full(path: Path, data: bytes) -> None:
        written.append(path)
        flush(path, data[: len(data) // len(written)])
        if len(written) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files, "_flush", flush_until_full)
    outcome = misen("generate", "-n", 3, "-o", tmp_path / "a.png")
    assert outcome.code == 5
    assert "No space left" in outcome.err
    assert [path.name for path in tmp_path.iterdir()] == ["a-0.png"]
    Image.open(tmp_path / "a-0.png").load()


# --- edit ----------------------------------------------------------------------------------------------------------


def test_inpainting_keeps_what_the_mask_leaves_black(misen, tmp_path):
    source = INPUTS / "painting.png"
    target = tmp_path / "edited.png"
    arguments = ("--mask", INPUTS / "mask-eyes.png", "--text", "sunglasses", "--seed", 1, "--report", "-o", target)
    outcome = misen("edit", source, *arguments)
    assert outcome.code == 0
    assert "inpainting: the kept part" in outcome.out
    assert "change where kept" in outcome.out
    small = np.asarray(Image.open(target))
    unchanged = tmp_path / "same.png"
    assert misen("edit", source, "--strength", 0, "-o", unchanged).code == 0
    changed = (small != np.asarray(Image.open(unchanged))).any(2)
    assert changed[28:38, 16:48].mean() > 0.5


def test_a_method_takes_options_and_is_replayed(misen, tmp_path):
    source, target, plain = INPUTS / "painting.png", tmp_path / "edited.png", tmp_path / "plain.png"
    outcome = misen("edit", source, "--method", "ilvr:factor=8", "--seed", 1, "--report", "-o", target)
    assert outcome.code == 0
    assert "= low-pass: what is coarser than 8 pixels is the picture's at every step and in the end" in outcome.out
    assert misen("replay", target).out == "identical\n"
    assert misen("edit", source, "--strength", 0, "--method", "ilvr", "-o", plain).code == 0
    assert Recipe.read(target).canvas.options == {"factor": 8, "until": 1.0}
    refused = misen("edit", source, "--method", "ilvr:factor=4", "--explain")
    assert refused.code == 4
    assert "the factor must be from 8 to 64 here, got 4" in refused.err


def test_a_mask_of_another_size_is_refused(misen, idle, tmp_path):
    Image.new("L", (8, 4)).save(tmp_path / "mask.png")
    outcome = misen("edit", INPUTS / "painting.png", "--mask", tmp_path / "mask.png")
    assert outcome.code == 2
    assert "the mask is 8 x 4 and the picture 512 x 512" in outcome.err


def test_an_animation_is_noted(misen, tmp_path):
    frames = [Image.new("RGB", (64, 64), color) for color in ("red", "blue")]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    with warnings.catch_warnings(record=True) as noted:
        warnings.simplefilter("always")
        assert misen("edit", tmp_path / "moving.gif", "--strength", 0.5, "-o", tmp_path / "a.png").code == 0
    assert any("animation of 2 frames" in str(note.message) for note in noted)


# --- the rest ------------------------------------------------------------------------------------------------------


def test_models_are_listed(misen):
    table = misen("models")
    assert (table.code, "avatars/diffusion" in table.out) == (0, True)
    listed = {card["name"]: card for card in misen("models", "--json").json["models"]}
    assert listed["avatars/diffusion"]["family"] == "diffusion"
    assert listed["observer-a"]["bytes"] > 100_000


def test_avatars_are_rendered(misen, tmp_path):
    outcome = misen("world", "render", "-n", 2, "--seed", 7, "-o", tmp_path / "avatars", "--all-modalities", "--json")
    assert outcome.json["count"] == 2
    rows = [json.loads(line) for line in Path(outcome.json["metadata"]).read_text().splitlines()]
    assert [row["seed"] for row in rows] == [7, 8]
    assert (tmp_path / "avatars" / "00000007-sketch.png").is_file()
    assert misen("world", "render", "-n", 2, "-o", tmp_path / "avatars").code == 5


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('name = "a"\nrecipe = "joint"\nsteps = 1\nlearning = 3', "config.toml:4: unknown key 'learning'"),
        ('name = "a"\nname = "b"', "config.toml:2"),
        ('name = "a"\nrecipe = "joint"\nsteps = 1\nlr = nan', "config.toml:4: lr must be a finite number"),
        ('name = "a"\nrecipe = "jont"\nsteps = 1', "did you mean 'joint'?"),
        ("!!python/object/apply:os.system [ls]", "config.toml:1"),
    ],
)
def test_training_configurations_are_read_strictly(text, complaint, misen, tmp_path):
    config = tmp_path / "config.toml"
    config.write_text(text)
    outcome = misen("train", config, "-o", tmp_path / "run")
    assert outcome.code == 2
    assert complaint in outcome.err
    assert not (tmp_path / "run").exists()


def test_two_folders_are_compared(misen, tmp_path):
    for folder in ("real", "fake"):
        misen("world", "render", "-n", 24, "--seed", len(folder) * 100, "-o", tmp_path / folder)
    outcome = misen("evaluate", "folders", tmp_path / "real", tmp_path / "real", "--json")
    assert outcome.json["frechet_inception_distance_a"] == pytest.approx(0, abs=1e-3)
    assert outcome.json["precision_a"] == 1.0
    assert misen("evaluate", "folders", tmp_path / "real", tmp_path / "missing").code == 2
