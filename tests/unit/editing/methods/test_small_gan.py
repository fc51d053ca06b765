"""Edits by a style-based generator in miniature: every method begins at its latents, and drags follow its features."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from families import small_gan
from misen.app import Model
from misen.assembly import Defaults, Opened
from misen.editing.directions import Directions
from misen.generators.gan.samplers import SAMPLERS
from misen.metrics.fidelity import psnr
from misen.modalities.drag.signal import Drag


@pytest.fixture
def model() -> Model:
    opened = Opened("small", small_gan(), SAMPLERS, Defaults("walk", 6, 1.0), "ab" * 32, lambda folder: None)
    return Model(opened)


@pytest.fixture
def face(model: Model) -> torch.Tensor:
    return model.synthesize(seed=3).images[0].tensor


def test_a_made_picture_is_found_again(model: Model, face) -> None:
    encoded = model.invert(face, method="encoder")
    hybrid = model.invert(face, method="hybrid", num_inference_steps=40)
    assert (hybrid.inversion.fidelity.picture > encoded.inversion.fidelity.picture).all()
    assert not hybrid.state.drawn


def test_a_state_comes_back_from_its_file(model: Model, face, tmp_path) -> None:
    found = model.invert(face, num_inference_steps=4)
    path = found.save(tmp_path / "state.safetensors")
    [again] = model.edit(path, seed=1).images
    assert psnr(again.tensor[None], found.inversion.images).item() > 60


def test_drags_move_early_latents_through_features(model: Model, face) -> None:
    wish = Drag.parse("0.3,0.5:0.7,0.5")
    made = model.edit(face, wish, method="drag:search=4", seed=1)
    [walk] = made.traces
    assert len(walk) == 6
    assert walk[0].energies["drag"] > 0
    [still] = model.edit(face, wish, method="drag:search=4", strength=0, seed=1).images
    assert not torch.allclose(made.images[0].tensor, still.tensor, atol=1e-3)


@pytest.fixture
def directions(model: Model, tmp_path: Path) -> Path:
    """A folder of directions at random."""
    styles = model.opened.generator.in_styles().shape[0]
    known = Directions(torch.randn(styles, 128), torch.ones(styles))
    known.save(tmp_path / "directions", {"base": {"name": "small", "sha256": "ab" * 32}})
    return tmp_path / "directions"


def test_styles_move(model: Model, face, directions: Path) -> None:
    method = f"styleclip-direction:adapter={directions},search=2"
    still, moved = (
        model.edit(face, "a red hat", method=f"{method},alpha={alpha}", seed=1).images[0].tensor for alpha in (0, 2)
    )
    assert not torch.allclose(still, moved, atol=1e-3)


@pytest.mark.parametrize("tune", [0, 2])
def test_styles_of_a_kept_state_move(model: Model, face, directions: Path, tmp_path: Path, tune: int) -> None:
    found = model.invert(face, num_inference_steps=2, tune=tune)
    path, method = found.save(tmp_path / "state.safetensors"), f"styleclip-direction:adapter={directions}"
    still, moved = (
        model.edit(path, "a red hat", method=f"{method},alpha={alpha}", seed=1).images[0].tensor for alpha in (0, 2)
    )
    assert psnr(still[None], found.inversion.images).item() > 60
    assert not torch.allclose(still, moved, atol=1e-3)
