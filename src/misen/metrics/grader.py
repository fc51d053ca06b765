"""The side that grades: the judge's networks, and how its features are taken from many pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from misen.core.judge import Judge
from misen.core.registry import lookup, modalities
from misen.metrics.inception_score import avatar_type
from misen.metrics.lpips import Lpips
from misen.perception import judge as side_b
from misen.perception.reading import Reading
from misen.perception.senses import Senses

CHUNK = 50
"""Pictures looked at together."""


@dataclass(frozen=True)
class Survey:
    """What is kept of each of N pictures.

    Attributes:
        features: (N, 256).
        texture: (N, 80) mean and deviation of each channel of the observer's finest map. It tells sharp pictures from
            soft ones, which the features do not: an observer learns to see through softness.
        types: (N, 32) log-probabilities of the avatar types.
    """

    features: Tensor
    texture: Tensor
    types: Tensor

    @classmethod
    def cat(cls, surveys: Sequence[Survey]) -> Survey:
        """One survey from several."""
        parts = ([getattr(survey, field.name) for survey in surveys] for field in fields(cls))
        return cls(*map(torch.cat, parts))

    @property
    def appearance(self) -> Tensor:
        """(N, 336) features beside texture: where neighbourhoods are."""
        return torch.cat([self.features, self.texture], dim=1)

    def __len__(self) -> int:
        return len(self.features)


@dataclass(frozen=True)
class Grader:
    """The judge's networks under a name that identifies their weights.

    Attributes:
        name: as in reports, e.g. "observer-b@0123456789ab".
        senses: observer and joint embedding.
    """

    name: str
    senses: Senses

    def judge(self, modality: str) -> Judge:
        """The judge of a modality; raises ``NotFoundError`` for an unknown one."""
        known = modalities()
        built: Judge = known[lookup("modality", modality, known)].part("judge").build(self.senses)
        return built

    def lpips(self) -> Lpips:
        """LPIPS-A: the distance in the observer's feature maps, all channels counting equally."""
        look = self.senses.observer()
        return Lpips(lambda images: look(images).pyramid)

    @torch.no_grad()
    def survey(self, images: Tensor) -> Survey:
        """Look at N pictures (N, 3, H, W) in [-1, 1]."""
        look = self.senses.observer()
        return Survey.cat([_keep(look(chunk)) for chunk in images.split(CHUNK)])


def _keep(reading: Reading) -> Survey:
    finest = reading.pyramid[0].flatten(2)
    texture = torch.cat([finest.mean(dim=2), finest.std(dim=2)], dim=1)
    return Survey(reading.features, texture, avatar_type(reading))


def shipped_grader() -> Grader:
    """The judge that ships with the package."""
    return Grader(f"observer-b@{side_b.hashes()['observer-b'][:12]}", side_b)
