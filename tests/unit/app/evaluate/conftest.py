"""A judge that remembers a few avatars exactly, and examinees whose results are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from misen.app.evaluate import Examination
from misen.app.evaluate.examination import FIRST
from misen.core.guidance import Guidance
from misen.core.registry import modalities
from misen.data.world import tell_truth
from misen.metrics.fid import Moments
from misen.metrics.grader import Grader
from misen.metrics.reference import Reference
from misen.perception.reading import Reading
from misen.scene.anatomy import CLASSES
from misen.scene.attributes import ATTRIBUTES
from misen.scene.splits import TEST
from misen.scene.truth import Truth

COUNT = 24
SURE = 30.0


class Memory:
    """Reads the truth of the remembered picture that is most alike."""

    def __init__(self, truth: Truth) -> None:
        self.truth = truth
        self.pictures = torch.cat([truth.observation.image, truth.exemplar]).flatten(1)
        draws = torch.Generator().manual_seed(0)
        self.identities = functional.normalize(torch.randn(len(truth), 64, generator=draws), dim=1)
        self.eye = torch.randn(3 * 8 * 8, 12, generator=draws) / 14

    def __call__(self, images: Tensor) -> Reading:
        item = torch.cdist(images.flatten(1), self.pictures).argmin(1) % len(self.truth)
        seen, record = self.truth.observation, self.truth.record
        traits = [functional.one_hot(record.attributes[item, k], len(a)) for k, a in enumerate(ATTRIBUTES)]
        small = functional.adaptive_avg_pool2d(images, 8)
        return Reading(
            attributes=SURE * torch.cat(traits, dim=1),
            segmentation=SURE * functional.one_hot(seen.segmentation[item].long(), len(CLASSES)).movedim(-1, 1),
            landmarks=seen.landmarks[item],
            landmarks_visible=SURE * seen.landmarks_visible[item].float(),
            camera=record.camera[item, :3],
            facing=torch.zeros(len(item), 3),
            depth=seen.depth[item],
            identity=self.identities[item],
            expression=record.expression[item],
            features=small.flatten(1) @ self.eye,
            pyramid=(small + 2,),
        )


class Library:
    """Knows which words belong to which remembered picture."""

    def __init__(self, memory: Memory, words: Sequence[str]) -> None:
        self.memory, self.words = memory, list(words)

    def image(self, images: Tensor) -> Tensor:
        return self.memory(images).identity

    def text(self, sentences: Sequence[str]) -> Tensor:
        return self.memory.identities[[self.words.index(sentence) for sentence in sentences]]


@dataclass
class Renderer:
    """An examinee that shows the avatar of the seed, or of one ``shift`` seeds on; without wishes, of another one."""

    truth: Truth
    shift: int = 0
    name: str = "renderer"
    native: frozenset[str] = frozenset()
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def route(self, guidances: Sequence[Guidance]) -> str:
        return "native"

    def make(self, guidances: Sequence[Guidance], seeds: Sequence[int]) -> Tensor:
        assert all(len(guidance.signal) == len(seeds) for guidance in guidances)
        self.asked.append(tuple(guidance.modality for guidance in guidances))
        items = torch.tensor(seeds) - int(self.truth.record.seed[0]) + (self.shift if guidances else 5)
        return self.truth.observation.image[items % len(self.truth)]

    def reconstruct(self, images: Tensor) -> Tensor:
        return images.roll(self.shift, 0)


@pytest.fixture(scope="session")
def truth() -> Truth:
    """The first wishes of seed 0."""
    return tell_truth(TEST.records(FIRST, COUNT))


@pytest.fixture(scope="session")
def grader(truth: Truth) -> Grader:
    memory = Memory(truth)
    words = modalities()["text"].signal.observe(truth, truth.record.seed).prompts
    return Grader("memory@0", SimpleNamespace(observer=lambda: memory, joint=lambda: Library(memory, words)))


@pytest.fixture(scope="session")
def examination(truth: Truth, grader: Grader) -> Examination:
    seen = grader.survey(truth.observation.image)
    features = seen.features
    naive = features + torch.randn(features.shape, generator=torch.Generator().manual_seed(1))
    reference = Reference(grader.name, Moments.of(features), features, naive, seen.texture)
    return Examination(grader, reference, lambda start, count: truth[slice(start - FIRST, start - FIRST + count)])
