"""What a picture's recipe tells a method that goes on from there."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest

from misen.app.recall import recalled, require_base
from misen.app.recipe import Recipe
from misen.assembly import Defaults
from misen.core.adapter import Adapter
from misen.core.errors import ModelFileError
from misen.editing.methods.diffusionclip import DiffusionCLIP
from misen.editing.methods.prompt_to_prompt import PromptToPrompt
from misen.editing.methods.sdedit import SDEdit
from misen.media import png
from misen.nn.description import write_card

USUAL = Defaults("dpm++2m", 20, 3.0)
OPENED = SimpleNamespace(defaults=USUAL, sha256="abc", generator=SimpleNamespace(size=64), adapters=())
WORDS = {"modality": "text", "content": [{"text": "a man in a hat"}], "route": "native"}
RECIPE = {
    "model": {"name": "avatars/diffusion", "sha256": "abc"},
    "guidances": [WORDS],
    "seeds": [7],
    "sampler": "ddim",
    "num_inference_steps": 30,
    "guidance_scale": 2.0,
    "width": 64,
    "height": 64,
}


def picture(tmp_path, **changes):
    recipe = Recipe.parse(json.dumps(RECIPE | changes))
    path = tmp_path / "a.png"
    png.save(path, np.zeros((4, 4, 3), np.uint8), recipe=recipe.canonical())
    return path


def test_words_seed_and_settings_are_recalled(tmp_path):
    method, chosen = recalled(PromptToPrompt(cross=0.5), picture(tmp_path), OPENED)
    assert method == PromptToPrompt(source="a man in a hat", seed=7, cross=0.5)
    assert chosen == Defaults("ddim", 30, 2.0)
    assert recalled(PromptToPrompt(), str(tmp_path / "a.png"), OPENED)[0].seed == 7


def test_a_source_that_was_given_stays(tmp_path):
    method = PromptToPrompt(source="a woman in a hat")
    assert recalled(method, picture(tmp_path), OPENED)[0] == method


@pytest.mark.parametrize(
    "changes",
    [
        {"model": {"name": "avatars/diffusion", "sha256": "other"}},
        {"adapters": [{"path": "lora.safetensors"}]},
        {"guidances": [WORDS, WORDS]},
        {"guidances": [WORDS | {"strength": 0.5}]},
        {"guidances": [WORDS | {"route": "consistency"}]},
        {"guidances": []},
        {"negatives": [{"modality": "text", "content": [{"text": "glasses"}]}]},
        {"seeds": [7, 8]},
        {"width": 128, "height": 128},
        {"sampler": None},
        {"canvas": {"image": "", "strength": 0.5}},
    ],
)
def test_what_words_and_seed_do_not_tell_is_not_recalled(tmp_path, changes):
    assert recalled(PromptToPrompt(), picture(tmp_path, **changes), OPENED) == (PromptToPrompt(), USUAL)


@pytest.mark.parametrize(
    ("strength", "sha256", "recalls"), [(0.5, "fe" * 32, True), (0.6, "fe" * 32, False), (0.5, "ab" * 32, False)]
)
def test_adapters_are_the_same_wherever_they_lie(tmp_path, strength, sha256, recalls):
    path = picture(tmp_path, adapters=[{"path": "old/lora.safetensors", "sha256": sha256, "strength": strength}])
    lora = Adapter("new/lora.safetensors", strength=0.5, sha256="fe" * 32)
    control = Adapter("controlnet", modality="sketch", sha256="dc" * 32)
    opened = SimpleNamespace(**{**vars(OPENED), "adapters": (lora, control)})
    assert (recalled(PromptToPrompt(), path, opened)[0].seed == 7) is recalls


def test_pictures_without_a_recipe_and_other_methods_are_left_alone(tmp_path):
    plain = tmp_path / "plain.png"
    png.save(plain, np.zeros((4, 4, 3), np.uint8))
    for image in (plain, tmp_path / "nowhere.png", np.zeros((4, 4, 3), np.uint8), None):
        assert recalled(PromptToPrompt(), image, OPENED) == (PromptToPrompt(), USUAL)
    assert recalled(SDEdit(), picture(tmp_path), OPENED) == (SDEdit(), USUAL)


def test_what_was_tuned_on_other_weights_is_refused(tmp_path):
    write_card(tmp_path, {"base": {"name": "avatars/diffusion", "sha256": "abc"}})
    method = DiffusionCLIP(adapter=str(tmp_path))
    require_base(method, OPENED)
    require_base(SDEdit(), OPENED)
    with pytest.raises(ModelFileError, match="tuned on other weights of avatars/diffusion than those of tuned-again"):
        require_base(method, SimpleNamespace(sha256="def", name="tuned-again"))
