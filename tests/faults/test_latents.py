"""Faults of edits by models that make pictures of latents: what is dragged, given, learned, or not there.

Pictures of any size and mode are brought to the model's size, as ``media.picture`` says; everything else that makes no
sense is one clear line.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from misen.app import load
from misen.core.errors import InputError, LimitError, ModelFileError, NotFoundError, Unreachable
from misen.editing.directions import Directions
from misen.modalities.drag.signal import MOST, Drag
from misen.nn import weights
from misen.nn.latent_mapper import LatentMapper
from tiny import forget, install, with_gan

WAY = "0.5,0.6:0.5,0.5"
DRAGGED = ("--model", "gan", "--method", "drag:search=1", "--seed", 1, "--steps", 2)


@pytest.fixture(scope="module", autouse=True)
def installed(tiny_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """In these tests Misen finds the networks that look and two models in miniature, and nothing else."""
    root = with_gan(tiny_weights, tmp_path_factory.mktemp("installed"))
    with pytest.MonkeyPatch.context() as patch:
        install(root, patch.setattr)
        yield root
    forget()


@pytest.fixture(scope="module")
def model(installed: Path):
    return load("gan")


@pytest.fixture
def face(tmp_path: Path) -> Path:
    Image.effect_noise((64, 64), 60).convert("RGB").save(tmp_path / "face.png")
    return tmp_path / "face.png"


def complained(outcome, code: int, words: str) -> None:
    """One line on standard error, and nothing else."""
    assert (outcome.code, outcome.out) == (code, ""), outcome.err
    assert words in outcome.err
    assert outcome.err.count("\n") == 1


# --- what is dragged -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("way", "code", "words"),
    [
        ("1.5,0.6:0.5,0.5", 2, "a drag begins outside the picture: 1.5,0.6"),
        ("0.5,0.6:0.5,-0.1", 2, "a drag ends outside the picture: 0.5,-0.1"),
        ("32,40:32,36", 2, "x and y must be from 0 to 1"),
        ("0.5,nan:0.5,0.5", 2, "a drag begins at what is not a number"),
        ("0.5,inf:0.5,0.5", 2, "a drag begins outside the picture"),
        ("0.5,0.5:0.5,0.5", 2, "a drag ends where it begins"),
        ("0.5,0.5", 2, "a drag must be x0,y0:x1,y1"),
        ("", 2, "a drag must be x0,y0:x1,y1"),
        (";".join([WAY] * (MOST + 1)), 5, f"{MOST + 1} points are dragged; the limit is {MOST}"),
    ],
)
def test_ways_that_lead_nowhere(misen, idle, face, way, code, words):
    out = face.with_name("out.png")
    complained(misen("edit", face, "--drag", way, *DRAGGED, "-o", out), code, words)
    assert not out.exists()


@pytest.mark.parametrize(
    ("ways", "settings", "kind", "words"),
    [
        ([((0.5, 0.6), (0.5, 1.01))], {}, InputError, "ends outside the picture"),
        ([((0.5, 10**400), (0.5, 0.5))], {}, InputError, "a drag must be x0,y0:x1,y1"),
        ([(0.5, 0.6)], {}, InputError, "a drag must be x0,y0:x1,y1"),
        ([None], {}, InputError, "a drag must be x0,y0:x1,y1, got None"),
        (None, {}, InputError, "drags must be a list of ways, got NoneType"),
        ([((0.5, 0.6), (0.5, 0.5))] * (MOST + 1), {}, LimitError, "the limit is 16"),
        ([((0.5, 0.6), (0.5, 0.5))], {"landmarks": ["nose"]}, InputError, "there is no landmark 'nose'"),
    ],
)
def test_ways_in_python(refused, ways, settings, kind, words):
    assert words in str(refused(kind, Drag, ways, **settings))


def test_a_mask_of_another_size_is_refused(misen, idle, face):
    mask = face.with_name("mask.png")
    Image.new("L", (32, 64), 255).save(mask)
    outcome = misen("edit", face, "--drag", WAY, "--mask", mask, *DRAGGED, "-o", face.with_name("out.png"))
    complained(outcome, 2, "the mask is 32 x 64 and the picture 64 x 64. make them the same size")


# --- what is given ---------------------------------------------------------------------------------------------------


def pictures() -> dict[str, Image.Image]:
    """Pictures of every kind that can be met, by what is unusual about them."""
    noise = np.random.default_rng(0).integers(0, 256, (90, 200, 4), np.uint8)
    color = Image.fromarray(noise[..., :3])
    return {
        "wide": color,
        "high": color.transpose(Image.Transpose.ROTATE_90),
        "one pixel": color.crop((0, 0, 1, 1)),
        "a line": color.crop((0, 0, 200, 1)),
        "clear": Image.fromarray(noise),
        "grey": color.convert("L"),
        "1 bit": color.convert("1"),
        "palette": color.convert("P"),
        "16 bits": Image.fromarray(noise[..., 0].astype(np.uint16) << 8),
        "CMYK": color.convert("CMYK"),
    }


@pytest.mark.parametrize("kind", pictures())
def test_pictures_of_any_size_and_mode_are_brought_to_the_models(model, kind):
    picture = pictures()[kind]
    wish = Drag.parse(WAY)
    [made] = model.edit(picture, wish, method="drag:search=1", num_inference_steps=2, seed=1).images
    assert made.tensor.shape == (3, 16, 16)
    assert made.tensor.isfinite().all()
    found = model.invert(picture, method="encoder")
    assert found.inversion.images.shape == (1, 3, 16, 16)


@pytest.mark.parametrize(
    ("given", "kind", "words"),
    [
        (np.zeros((64, 64, 3), np.float32), InputError, "float32"),
        (np.zeros((64, 64, 5), np.uint8), InputError, "(64, 64, 5)"),
        (torch.zeros(1, 64, 64), InputError, "image must be a float tensor (3, H, W)"),
        (torch.full((3, 64, 64), torch.nan), InputError, "image holds NaN or infinity"),
        (torch.zeros(2, 3, 64, 64), InputError, "image must be a float tensor (3, H, W)"),
    ],
)
def test_what_is_no_picture_is_refused(model, refused, idle, given, kind, words):
    assert words in str(refused(kind, model.edit, given, Drag.parse(WAY), method="drag"))
    assert words in str(refused(kind, model.invert, given))


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "an empty file"), (b"RIFF0000WAVE", "WAV sound"), (b"\x89PNG\r\n\x1a\n", "truncated or corrupt")],
)
def test_files_that_are_no_pictures_are_one_line(misen, idle, tmp_path, content, words):
    (tmp_path / "a.png").write_bytes(content)
    complained(misen("edit", tmp_path / "a.png", "--drag", WAY, *DRAGGED, "-o", tmp_path / "out.png"), 2, words)


# --- what was learned, and by whom -----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["styleclip-mapper", "styleclip-direction"])
def test_what_was_learned_must_be_there_and_belong_to_the_model(model, refused, face, tmp_path, method):
    words = ["a red hat"] if method == "styleclip-direction" else []
    assert "needs an adapter" in str(refused(InputError, model.edit, face, *words, method=method))
    asked = f"{method}:adapter={tmp_path / 'none'}"
    assert "there is no model at" in str(refused(NotFoundError, model.edit, face, *words, method=asked))
    card = {"name": "other", "licence": "none", "width": 8, "base": {"name": "avatars/other", "sha256": "ab" * 32}}
    weights.save(LatentMapper(8), tmp_path / "mapper", card)
    Directions(torch.eye(3), torch.ones(3)).save(tmp_path / "directions", card)
    folder = tmp_path / ("mapper" if method == "styleclip-mapper" else "directions")
    error = refused(ModelFileError, model.edit, face, *words, method=f"{method}:adapter={folder}")
    assert "was tuned on other weights of avatars/other than those of avatars/gan" in str(error)


def test_words_alone_are_followed(model, refused, face):
    assert "needs words" in str(refused(InputError, model.edit, face, method="styleclip"))
    asked = ("a red hat", Drag.parse(WAY))
    assert "give words alone" in str(refused(InputError, model.edit, face, *asked, method="styleclip:search=0"))


def test_ways_back_that_a_model_does_not_have(refused, model, face):
    assert "no sampler of avatars/gan has a way back" in str(refused(Unreachable, model.invert, face, method="ddim"))
    other = load("diffusion")
    assert "not of latents" in str(refused(Unreachable, other.invert, face, method="hybrid"))
    assert "not of latents" in str(refused(Unreachable, other.edit, face, "a hat", method="styleclip:search=1"))


def test_a_state_of_another_model_is_refused(misen, face):
    state, out = face.with_name("state.safetensors"), face.with_name("out.png")
    assert misen("invert", face, "--model", "gan", "--method", "encoder", "-o", state).code == 0
    outcome = misen("edit", state, "--text", "a hat", "--model", "diffusion", "-o", out)
    complained(outcome, 3, "this is a state of avatars/gan with other weights than those of avatars/diffusion")


# --- what is not installed -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        ("evaluate", "drag"),
        ("evaluate", "editing", "--method", "styleclip"),
        ("evaluate", "curve", "--method", "styleclip"),
        ("evaluate", "reconstruction", "--images", ".", "--method", "hybrid"),
        ("evaluate", "quality"),
        ("evaluate", "adherence", "--modality", "segmentation"),
    ],
)
def test_measuring_a_model_that_is_not_installed_is_one_line(misen, command):
    complained(misen(*command, "--model", "avatars/spade"), 2, "there is no model 'avatars/spade'")
