"""Parts that ship by themselves are stored once, and stay what they were when their owner changes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from misen.nn import weights
from misen.recipes.shipping import rewritten, share, ship
from misen.training import Outcome
from misen.training.config import parse_config

CONFIG = parse_config('name = "codec"\nsteps = 3')
OUTCOME = Outcome(3, 192, 0.5, "steps", Path("checkpoint"), {}, 0)


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[nn.Linear, Path]:
    """A codec that ships, and a model that has it as a part."""
    monkeypatch.setattr(weights, "SHIPPED", tmp_path)
    codec, model = nn.Linear(2, 3), tmp_path / "family" / "model"
    ship(codec, "codec", CONFIG, OUTCOME, {})
    weights.write(codec, model / "part" / "weights.safetensors")
    weights.write(nn.Linear(2, 3), model / "rest" / "weights.safetensors")
    share(model)
    return codec, model


def test_equal_parts_become_links_and_others_stay(shared: tuple[nn.Linear, Path]) -> None:
    codec, model = shared
    part, rest = (model / name / "weights.safetensors" for name in ("part", "rest"))
    assert part.is_symlink()
    assert not rest.is_symlink()
    assert not part.readlink().is_absolute()
    torch.testing.assert_close(weights.read_tensors(part)["weight"].float(), codec.weight.detach(), atol=1e-3, rtol=0)


def test_a_part_stays_what_it_was_when_its_owner_is_trained_further(shared: tuple[nn.Linear, Path]) -> None:
    _, model = shared
    part = model / "part" / "weights.safetensors"
    before = part.read_bytes()
    further = nn.Linear(2, 3)
    ship(further, "codec", CONFIG, OUTCOME, {})
    assert part.read_bytes() == before
    assert not part.is_symlink()
    weights.write(further, part)
    share(model)
    assert part.is_symlink()


def test_a_model_written_anew_changes_neither_whose_parts_it_has_nor_who_has_its_parts(
    shared: tuple[nn.Linear, Path],
) -> None:
    _, model = shared
    owner, follower = model.parents[1] / "codec" / weights.WEIGHTS, model.parent / "follower"
    weights.write(nn.Linear(2, 3), follower / "rest" / "weights.safetensors")
    (follower / "rest" / "weights.safetensors").write_bytes((model / "rest" / "weights.safetensors").read_bytes())
    share(follower)
    before = owner.read_bytes(), (follower / "rest" / "weights.safetensors").read_bytes()
    assert (follower / "rest" / "weights.safetensors").is_symlink()
    with rewritten("family/model") as folder:
        for name in ("part", "rest"):
            weights.write(nn.Linear(2, 3), folder / name / "weights.safetensors")
    assert (owner.read_bytes(), (follower / "rest" / "weights.safetensors").read_bytes()) == before
