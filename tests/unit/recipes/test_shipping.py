"""What ships can be gone on from."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from misen.core.errors import ModelFileError, NotFoundError
from misen.nn import weights
from misen.nn.weights import read_card
from misen.recipes.shipping import go_on, ship
from misen.training import Outcome
from misen.training.config import parse_config

CONFIG = parse_config('name = "toy"\nsteps = 3\n[data]\ncache = "somewhere"')


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> nn.Linear:
    monkeypatch.setattr(weights, "SHIPPED", tmp_path)
    module = nn.Linear(3, 2)
    outcome = Outcome(3, 192, 0.5, "steps", tmp_path, {}, 0)
    ship(module, CONFIG.name, CONFIG, outcome, {"figures": {"right": 0.5}})
    return module


def test_a_new_run_starts_from_the_weights_that_ship(shipped: nn.Linear) -> None:
    further = nn.Linear(3, 2)
    go_on(further, CONFIG.name)
    torch.testing.assert_close(further.weight, shipped.weight, atol=1e-3, rtol=1e-3)
    assert further.weight.requires_grad


def test_a_card_says_what_was_done_and_not_where_the_data_lay(shipped: nn.Linear, tmp_path: Path) -> None:
    card = read_card(tmp_path / CONFIG.name)
    assert (card["parameters"], card["figures"], card["training"]["samples"]) == (8, {"right": 0.5}, 192)
    assert "data" not in card["training"]["config"]


def test_going_on_needs_the_same_architecture(shipped: nn.Linear) -> None:
    with pytest.raises(ModelFileError, match="another architecture"):
        go_on(nn.Linear(4, 2), CONFIG.name)
    with pytest.raises(NotFoundError, match="no weights called 'absent'"):
        go_on(nn.Linear(3, 2), "absent")
