"""Talking networks of 16 pixels, with random weights everywhere, so that everything that is given matters."""

from __future__ import annotations

import torch

from misen.core.condition import Condition
from misen.generators.gan.talking.content import REACH
from misen.generators.gan.talking.face import MOUTH, POINTS, Face
from misen.generators.gan.talking.generator import Entrances, TalkingGenerator
from misen.generators.gan.talking.motion import MOTIONS, Kind
from misen.generators.gan.talking.network import TalkingNetwork, TalkingSettings

SIZE, HEARD = 16, 5
KINDS: tuple[Kind, ...] = tuple(MOTIONS)
ENTRANCES = Entrances(sound="audio", heard=HEARD, face="exemplar")


def settings(kind: Kind) -> TalkingSettings:
    """Of a small network."""
    return TalkingSettings(
        motion=kind, trunk=8, heads=2, content=4, speaker=6, widths=(8, 6), hidden=4, field=4
    )  # fmt: skip


def network(kind: Kind = "code", heard: int = HEARD) -> TalkingNetwork:
    """An untrained network."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = TalkingNetwork(settings(kind), heard)
        for parameter in made.parameters():
            parameter.data += 0.1 * torch.randn_like(parameter)
    return made


def generator(kind: Kind = "code", entrances: Entrances = ENTRANCES) -> TalkingGenerator:
    """The same, frozen."""
    made = network(kind, entrances.heard).requires_grad_(False).eval()
    return TalkingGenerator(made, entrances, {"name": "small", "sampler": "walk", "steps": 4, "guidance_scale": 1.0})


def some_faces(batch: int = 2, *, seed: int = 0, size: int = SIZE) -> Face:
    """Faces at random, whose points are all in the middle of the picture."""
    random = torch.Generator().manual_seed(seed)
    return Face(
        picture=torch.rand(batch, 3, size, size, generator=random) * 2 - 1,
        points=0.3 + 0.4 * torch.rand(batch, POINTS, 2, generator=random),
        seen=torch.rand(batch, POINTS, generator=random),
        mouth=torch.rand(batch, MOUTH, generator=random),
    )


def some_tokens(batch: int = 2, *, frames: int = 2 * REACH + 1, seed: int = 0) -> Condition:
    """What is heard, at random."""
    tokens = torch.randn(batch, frames, HEARD, generator=torch.Generator().manual_seed(seed))
    return Condition.full("tokens", tokens)
