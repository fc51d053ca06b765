"""``misen invert``: figures and a state file, or one line that says why not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from families import small_diffusion
from misen import assembly
from misen.assembly import Defaults, Opened
from misen.generators.diffusion.samplers import SAMPLERS
from misen.inversion import StateFile


@pytest.fixture
def face(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A picture; every model's name opens latent diffusion in miniature."""
    opened = Opened("small", small_diffusion(), SAMPLERS, Defaults("ddim", 3, 2.0), "ab" * 32, lambda folder: None)
    monkeypatch.setattr(
        assembly, "open_model", lambda name, device, adapters: replace(opened, adapters=tuple(adapters))
    )
    Image.effect_noise((20, 16), 60).convert("RGB").save(tmp_path / "face.png")
    return tmp_path / "face.png"


def test_a_state_and_its_figures(misen, face: Path) -> None:
    out = face.with_name("state.safetensors")
    told = misen("invert", face, "--steps", 4, "-o", out, "--json")
    assert told.code == 0, told.err
    assert told.json["state"] == str(out)
    assert told.json["psnr_codec"] > 40 > told.json["psnr"]
    assert {"model", "method", "steps", "guidance_scale", "seconds"} < told.json.keys()
    assert StateFile.read(out).fidelity["psnr"] == told.json["psnr"]
    edited = misen("edit", out, "--seed", 1, "-o", face.with_name("edited.png"), "--json")
    assert edited.code == 0, edited.err
    assert "another num_inference_steps" in misen("edit", out, "--steps", 9, "-o", face.with_name("b.png")).err
    again = misen("invert", face, "--steps", 4, "-o", out)
    assert (again.code, "exists" in again.err) == (5, True)


def test_adapters_belong_to_the_state(misen, face: Path) -> None:
    out, edited = face.with_name("state.safetensors"), ("--seed", 1, "-o", face.with_name("edited.png"))
    told = misen("invert", face, "--steps", 2, "--adapter", "style.safetensors:strength=0.5", "-o", out)
    assert told.code == 0, told.err
    [entry] = StateFile.read(out).recipe["adapters"]
    assert (entry["path"], entry["strength"]) == ("style.safetensors", 0.5)
    assert "inverted with other adapters" in misen("edit", out, *edited).err
    told = misen("edit", out, "--adapter", "style.safetensors:strength=0.5", *edited)
    assert told.code == 0, told.err


def test_what_is_refused(misen, face: Path) -> None:
    out = face.with_name("state.safetensors")
    assert misen("invert", face).code == 2
    for arguments, complaint in (
        (("-o", face.with_name("state.pt")), "written as safetensors"),
        (("-o", out, "--method", "dim"), "did you mean 'ddim'"),
        (("-o", out, "--method", "null-text"), "null-text needs guidance"),
        (("-o", out, "--steps", 0), "num_inference_steps must be"),
    ):
        told = misen("invert", face, *arguments)
        assert told.code == 2
        assert complaint in told.err
    told = misen("invert", face, "-o", out, "--camera", "yaw=20")
    assert (told.code, "by consistency (camera)" in told.err) == (4, True)
    assert not out.exists()
