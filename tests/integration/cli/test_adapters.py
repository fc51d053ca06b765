"""The command with adapters for somebody else's model."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from PIL import Image, ImageDraw
from safetensors.torch import load_file, save_file

import foreign
from misen import load
from misen.cli.entry import run
from misen.core.adapter import Adapter
from misen.core.errors import ModelFileError
from misen.modalities.text.pseudo_word import save_word

LAYER = "unet.down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A model, one adapter of each kind, a drawing and a picture."""
    folder = tmp_path_factory.mktemp("foreign")
    foreign.plain(folder / "model")
    foreign.control(folder / "control")
    rng = torch.Generator().manual_seed(0)
    factors = {"lora_A": torch.randn(2, foreign.WIDTH, generator=rng), "lora_B": torch.randn(32, 2, generator=rng)}
    save_file({f"{LAYER}.{name}.weight": tensor for name, tensor in factors.items()}, folder / "lora.safetensors")
    save_word(folder / "word", "<subject>", torch.randn(foreign.WIDTH, generator=rng))
    drawing = Image.new("L", (64, 64), 255)
    ImageDraw.Draw(drawing).ellipse((16, 8, 48, 56), outline=0, width=3)
    drawing.save(folder / "drawing.png")
    Image.effect_noise((32, 32), 90).convert("RGB").save(folder / "picture.png")
    return folder


@pytest.fixture
def misen(made, capsys):
    """Exit code, standard output and standard error of a command with that model, in three steps."""

    def call(*arguments):
        code = run([*map(str, arguments), "--model", str(made / "model"), "--steps", "3"])
        return code, *capsys.readouterr()

    return call


def test_all_kinds_together_are_in_the_recipe_and_repeated(made, misen, tmp_path, capsys):
    copied = shutil.copy(made / "lora.safetensors", tmp_path / "lora.safetensors")
    code, out, complaint = misen(
        "generate", "--text", "a <subject> on grass", "--sketch", f"{made / 'drawing.png'}:strength=0.5",
        "--adapter", f"{made / 'control'}:modality=sketch,strength=0.8,end=0.7", "--adapter", f"{copied}:strength=0.6",
        "--adapter", made / "word", "--seed", 5, "-o", tmp_path / "a.png", "--json",
    )  # fmt: skip
    assert code == 0, complaint
    told = json.loads(out)["plan"]["guidances"]
    assert [one["route"] for one in told] == ["adapted", "native"]
    assert (told[0]["strength"], told[0]["window"]) == (pytest.approx(0.4), [0.0, 0.7])
    with Image.open(tmp_path / "a.png") as picture:
        recipe = json.loads(picture.text["misen_recipe"])
    assert [entry["modality"] for entry in recipe["adapters"]] == ["sketch", "", ""]
    assert all(len(entry["sha256"]) == 64 for entry in recipe["adapters"])
    assert recipe["guidances"][0]["strength"] == 0.5
    assert run(["replay", str(tmp_path / "a.png")]) == 0
    assert capsys.readouterr().out.strip() == "identical"
    save_file({name: 3 * tensor for name, tensor in load_file(copied).items()}, copied)
    assert run(["replay", str(tmp_path / "a.png")]) == 0
    assert capsys.readouterr().out.startswith("differs: adapters")
    assert run(["generate", "--recipe", str(tmp_path / "a.png"), "-o", str(tmp_path / "b.png")]) == 2
    assert "made with other weights of" in capsys.readouterr().err


def test_pictures_are_edited_with_adapters(made, misen, tmp_path):
    common = ["edit", made / "picture.png", "--text", "a blue square", "--seed", 1]
    assert misen(*common, "-o", tmp_path / "plain.png")[0] == 0
    added = ["--sketch", made / "drawing.png", "--adapter", f"{made / 'control'}:modality=sketch"]
    assert misen(*common, *added, "-o", tmp_path / "led.png")[0] == 0
    with Image.open(tmp_path / "plain.png") as plain, Image.open(tmp_path / "led.png") as led:
        assert plain.tobytes() != led.tobytes()


def test_raw_files_are_repeated(made, misen, tmp_path, capsys):
    adapter = f"{made / 'control'}:modality=landmarks,raw=true"
    code, _, complaint = misen(
        "generate", "--landmarks", made / "picture.png", "--adapter", adapter, "--seed", 2, "-o", tmp_path / "a.png"
    )
    assert code == 0, complaint
    with Image.open(tmp_path / "a.png") as picture:
        recipe = json.loads(picture.text["misen_recipe"])
    assert (recipe["guidances"][0]["modality"], recipe["guidances"][0]["route"]) == ("raw-landmarks", "adapted")
    assert run(["replay", str(tmp_path / "a.png")]) == 0
    assert capsys.readouterr().out.strip() == "identical"


def test_a_plan_tells_of_adapters(made, misen):
    adapter = f"{made / 'control'}:modality=sketch"
    code, out, _ = misen("generate", "--sketch", made / "drawing.png", "--adapter", adapter, "--explain")
    assert code == 0
    assert "adapter 'controlnet-1' was trained on sketch" in out


def test_what_cannot_be_added_is_refused(made, misen, tmp_path):
    (tmp_path / "lora.safetensors").write_bytes(b"\x80\x02 pickled")
    code, _, complaint = misen("generate", "--adapter", tmp_path / "lora.safetensors", "-o", tmp_path / "a.png")
    assert (code, "pickle refused" in complaint) == (3, True)
    code, _, complaint = misen("generate", "--adapter", made / "control", "-o", tmp_path / "a.png")
    assert (code, "needs the modality" in complaint) == (2, True)
    code, _, complaint = misen("generate", "--adapter", tmp_path / "nothing", "-o", tmp_path / "a.png")
    assert (code, "there is no adapter" in complaint) == (2, True)
    assert not (tmp_path / "a.png").exists()


def test_a_state_belongs_to_the_loras_it_was_found_under(made, tmp_path):
    tuned = load(made / "model", adapters=[made / "lora.safetensors"])
    state = tuned.invert(made / "picture.png", num_inference_steps=3).save(tmp_path / "state.safetensors")
    assert tuned.edit(state, "a red circle", seed=1).images
    plain = load(made / "model", adapters=[Adapter(str(made / "control"), modality="sketch")])
    with pytest.raises(ModelFileError, match="inverted with other adapters"):
        plain.edit(state, "a red circle")
