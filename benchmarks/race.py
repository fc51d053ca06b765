"""A race: several ways of making pictures take the same wishes in turn; each is timed, and its pictures are judged."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmarks.timing import Effort
from misen import Text
from misen.app.evaluate.examination import Examination
from misen.core.execution import Engine, Precision
from misen.metrics.alignment import Trial, adherence, examine
from misen.metrics.fid import fid
from misen.metrics.grader import Survey
from misen.nn.execution import compilers
from misen.perception.figures import Figure

SEED = 3
"""Chooses the wishes."""
TRIES = 3
"""Pictures by which the fastest of several settings is told."""

Make = Callable[[Text, int], Tensor]
"""One picture (1, 3, H, W) in [-1, 1] of one prompt and a seed."""


@dataclass(frozen=True)
class Way:
    """A way of making pictures.

    Attributes:
        name: as in the table.
        make: makes one.
        precision: of its arithmetic, for the roof.
        threads: of PyTorch around it.
        plain: the same without a compiler, where operations can be counted; ``make`` itself if None.
    """

    name: str
    make: Make
    precision: Precision
    threads: int
    plain: Make | None = None

    def timed(self, prompt: Text, seed: int) -> tuple[Tensor, float]:
        """A picture, and the seconds it took."""
        torch.set_num_threads(self.threads)
        began = time.perf_counter()
        image = self.make(prompt, seed)
        return image, time.perf_counter() - began


@dataclass(frozen=True)
class Run:
    """What a way made.

    Attributes:
        way: who.
        seconds: (n,) of each picture.
        survey: its pictures in the judge's features.
        trial: the judge's scores.
    """

    way: Way
    seconds: Tensor
    survey: Survey
    trial: Trial

    def distance(self, bench: Examination) -> Figure:
        """FID-A, with the interval of its n."""
        return fid(bench.reference.moments, self.survey.features)

    def adherence(self) -> Figure:
        """How well prompts were followed, from 0, as pictures made for others, to 1, as the truth."""
        return adherence(self.trial)


def engines() -> Sequence[Engine]:
    """What may run a network here: PyTorch itself, and its compiler where there is one."""
    return ("eager", "compiled") if "compiled" in compilers() else ("eager",)


def fastest(ways: Sequence[Way], effort: Effort) -> Way:
    """The way that makes a picture in the least time, once all are warm."""
    prompt = Text("a smiling woman with red hair and round glasses")
    for way in ways:
        for seed in range(max(1, effort.warmups)):
            way.timed(prompt, seed)
    return min(ways, key=lambda way: min(way.timed(prompt, seed)[1] for seed in range(TRIES)))


def race(ways: Sequence[Way], bench: Examination, n: int, seed: int = SEED) -> list[Run]:
    """Every way makes every picture of ``n``, each time in another order; ``seed`` chooses the wishes."""
    judge = bench.grader.judge(Text.modality)
    parts: list[list[tuple[Tensor, Survey, Trial]]] = [[] for _ in ways]
    for truth in bench.truths(n, seed):
        prompts = Text.observe_fully(truth, truth.record.seed)
        made = [_turns(ways, prompts[item : item + 1], int(seed)) for item, seed in enumerate(truth.record.seed)]
        for index, part in enumerate(parts):
            images = torch.cat([turn[index][0] for turn in made])
            taken = torch.tensor([turn[index][1] for turn in made], dtype=torch.float64)
            part.append((taken, bench.grader.survey(images), examine(judge, prompts, images, truth.observation.image)))
    return [_run(way, part) for way, part in zip(ways, parts, strict=True)]


def _turns(ways: Sequence[Way], prompt: Text, seed: int) -> list[tuple[Tensor, float]]:
    """A picture by each way, which begins with another one for each seed."""
    order = [(index + seed) % len(ways) for index in range(len(ways))]
    made = {index: ways[index].timed(prompt, seed) for index in order}
    return [made[index] for index in range(len(ways))]


def _run(way: Way, parts: Sequence[tuple[Tensor, Survey, Trial]]) -> Run:
    taken, surveys, trials = zip(*parts, strict=True)
    return Run(way, torch.cat(taken), Survey.cat(surveys), Trial.cat(trials))
