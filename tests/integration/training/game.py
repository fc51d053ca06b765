"""A two-player game small enough for any test, runnable as ``python game.py FOLDER [key=value ...]``."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import softplus

from misen.distributed import team
from misen.training import CheckpointFolder, Console, Trainer, TrainingConfig
from misen.training.config import parse_config

BATCH = 8
CONFIG = f'name = "game"\nbatch_size = {BATCH}\nsteps = 12\nwarmup = 2\nprecision = "fp32"\nlog_every = 1'


class Critique(nn.Module):
    """A critic with an entrance that some rows alone take, as those of conditions."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3), nn.SiLU(), nn.Flatten(), nn.Linear(8 * 6 * 6, 1))
        self.entrance = nn.Linear(1, 1)

    def forward(self, image, marked=None):
        scores = self.body(image)
        if marked is None or not marked.any():
            return scores
        rows = marked.nonzero().squeeze(1)
        return scores.index_add(0, rows, self.entrance(torch.ones(len(rows), 1)))


class Maker:
    name = "maker"

    def __init__(self, module: nn.Module, critic: nn.Module) -> None:
        self.module, self.critic = module, critic

    def loss(self, batch, step):
        fake = self.module(torch.randn(len(batch["image"]), 4))
        loss = softplus(-self.critic(fake)).mean()
        return loss, {"spread": fake.detach().std().item()}


class Critic:
    name = "critic"

    def __init__(self, module: nn.Module, maker: nn.Module) -> None:
        self.module, self.maker = module, maker

    def loss(self, batch, step):
        with torch.no_grad():
            fake = self.maker(torch.randn(len(batch["image"]), 4))
        return (softplus(self.module(fake)) + softplus(-self.module(batch["image"], batch["marked"]))).mean(), {}


def players():
    torch.manual_seed(0)
    maker = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 3 * 8 * 8), nn.Unflatten(1, (3, 8, 8)))
    critic = Critique()
    return [Critic(critic, maker), Maker(maker, critic)]


def batches(step):
    generator = torch.Generator().manual_seed(step)
    marked = torch.arange(BATCH) == step % BATCH
    return {"image": torch.randn(BATCH, 3, 8, 8, generator=generator).tanh(), "marked": marked}


def configure(*overrides: str) -> TrainingConfig:
    return parse_config(CONFIG, "game.toml", overrides)


def trainer(folder: Path, *overrides: str, callbacks=(), **options) -> Trainer:
    return Trainer(players(), batches, configure(*overrides), folder=folder, callbacks=callbacks, **options)


def state_hash(folder: Path) -> str:
    """Hash of everything in the newest checkpoint that decides how training goes on."""
    checkpoint = CheckpointFolder(folder / "checkpoints").newest()
    total = hashlib.sha256(str(checkpoint.manifest["step"]).encode())
    for name in sorted(checkpoint.tensors):
        total.update(name.encode() + checkpoint.tensors[name].numpy().tobytes())
    return total.hexdigest()


if __name__ == "__main__":
    torch.set_num_threads(1)
    folder, *overrides = sys.argv[1:]
    game = trainer(Path(folder), *overrides, callbacks=[Console()])
    outcome = game.run(resume=True)
    if team().leads:
        print(f"processes {team().size}")
        print(f"{outcome.step} {outcome.figures['maker.loss']!r} {outcome.figures['critic.loss']!r}")
