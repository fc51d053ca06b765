"""What batches of every recipe share: the order, the fingerprint, and chance that depends on the step alone."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from misen.recipes.batches import LatentBatches
from misen.training.config import parse_config


class Kept(list):
    fingerprint = "abc"


class Noted(LatentBatches):
    """Tells which samples, which epoch, and what was drawn."""

    def beside(self, indices, epoch, chance):
        return {"noted": SimpleNamespace(indices=indices, epoch=epoch, drawn=torch.rand(3, generator=chance))}


@pytest.fixture
def batches():
    config = parse_config('name = "a"\nsteps = 4\nbatch_size = 2\nseed = 5')
    return lambda: Noted(Kept(range(6)), torch.arange(6.0).half()[:, None, None, None], config)


def test_a_batch_is_a_function_of_the_step(batches):
    torch.manual_seed(0)
    first = batches()(2)
    torch.manual_seed(1)
    again = batches()(2)
    assert torch.equal(first["noted"].drawn, again["noted"].drawn)
    assert torch.equal(first["latents"], again["latents"])
    assert not torch.equal(first["noted"].drawn, batches()(1)["noted"].drawn)


def test_latents_are_those_of_the_samples_and_every_epoch_sees_all(batches):
    made = batches()
    for step in range(6):
        batch = made(step)
        assert batch["latents"].flatten().tolist() == batch["noted"].indices.tolist()
        assert batch["latents"].dtype == torch.float32
    epochs = [[made(step)["noted"] for step in range(start, start + 3)] for start in (0, 3)]
    assert [{note.epoch for note in notes} for notes in epochs] == [{0}, {1}]
    assert all(sorted(torch.cat([note.indices for note in notes]).tolist()) == list(range(6)) for notes in epochs)


def test_they_are_told_apart_by_what_they_are_made_of(batches):
    assert batches().fingerprint == "abc"
    drawn = [torch.rand(3, generator=batches().chance(0, purpose)) for purpose in ("presence", "crops")]
    assert not torch.equal(*drawn)
