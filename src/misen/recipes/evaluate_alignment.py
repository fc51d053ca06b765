"""How well other modalities are aligned with the latents of pictures: in W+ itself, and in what comes of them.

``python -m misen.recipes.evaluate_alignment 500`` prints, for the shipped alignment and 500 avatars of the test range:
how often a wish finds its own picture among a hundred, by the cosine of their latents from the mean; how much larger
that cosine is than that of a wish and the picture of another; and what the judge says of pictures made of each wish,
and of all wishes at once, from 0, as good as of a picture made for another wish, to 1, as good as of the true one.

Source: Xia et al. 2021 (arXiv:2012.03308), section 3, for the space that is measured.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from misen.assembly import encoders, open_model
from misen.core.condition import Condition
from misen.core.errors import NotFoundError
from misen.core.generator import Level
from misen.core.image import resize
from misen.core.judge import Judge
from misen.core.registry import modalities
from misen.core.seeding import Streams
from misen.core.shapes import Images, Vectors
from misen.core.signal import Signal
from misen.data.world import first_truths
from misen.generators.gan.alignment.generator import AlignedGenerator
from misen.generators.gan.alignment.network import agreed
from misen.metrics.alignment import Trial, adherence, examine
from misen.metrics.capabilities import Complete, Falsifiable
from misen.metrics.grader import shipped_grader
from misen.metrics.r_precision import r_precision
from misen.perception.figures import Figure, mean
from misen.scene.splits import TEST, VALIDATION
from misen.scene.truth import Truth

NAME = "avatars/gan"
MEASURED, WATCHED, CHUNK = 500, 128, 50
"""Test avatars behind the card, validation avatars that are watched during training, and how many of them at once."""


def measure(generator: AlignedGenerator, count: int, *, judged: bool = True) -> dict[str, Figure]:
    """Figures by name on ``count`` test avatars; ``judged`` says whether the judge is asked, too."""
    truths = list(first_truths(TEST, count, CHUNK))
    figures: dict[str, Figure] = {}
    for name in generator.ports:
        meeting = meet(generator, name, truths)
        figures |= {f"{name}_found": mean(meeting.found), f"{name}_nearer": mean(meeting.nearer)}
    return {**figures, **(obeyed(generator, truths) if judged else {})}


def watch(generator: AlignedGenerator) -> Callable[[int], Mapping[str, float]]:
    """Tells how many wishes of each modality find their pictures, among those of validation avatars."""
    truths = list(first_truths(VALIDATION, WATCHED, CHUNK))

    def found(step: int) -> Mapping[str, float]:
        return {f"{name}_found": float(meet(generator, name, truths).found.mean()) for name in generator.ports}

    return found


# --- in W+ -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Meeting:
    """Wishes of one modality and pictures, in W+.

    Attributes:
        likeness: (N, N) cosine of wish i and picture j.
        false: (N, N) bool, whether wish i is false of picture j.
    """

    likeness: Tensor
    false: Tensor

    @property
    def found(self) -> Tensor:
        """(N,) 1 where a wish is most like its own picture, among up to 99 others of which it is false."""
        return r_precision(self.likeness, self.false)

    @property
    def nearer(self) -> Tensor:
        """(N,) by how much the cosine with one's own picture exceeds the mean of those with the others."""
        own = self.likeness.diagonal()
        return own - (self.likeness.sum(dim=1) - own) / (len(own) - 1)


@torch.no_grad()
def meet(generator: AlignedGenerator, name: str, truths: Sequence[Truth]) -> Meeting:
    """The fullest wishes of a modality and the renders, as both encoders place them."""
    signals = [_fullest(name, truth) for truth in truths]
    wishes = torch.cat([_said(generator, name, signal) for signal in signals])
    renders = torch.cat([_shown(generator, truth) for truth in truths])
    return Meeting(wishes @ renders.T, _false(signals, truths))


def _fullest(name: str, truth: Truth) -> Signal:
    """The wishes that say most of avatars."""
    kind = modalities()[name].signal
    observe = kind.observe_fully if isinstance(kind, Complete) else kind.observe
    signal: Signal = observe(truth, truth.record.seed)
    return signal


def _said(generator: AlignedGenerator, name: str, signal: Signal) -> Vectors:
    """(B, D) unit vectors from the mean point to where wishes are."""
    [opinion] = generator.alignment.listen({name: encoded(generator, name, signal)}).values()
    return generator.alignment.coordinates.direction(agreed([opinion], opinion.mean).mean)


def _shown(generator: AlignedGenerator, truth: Truth) -> Vectors:
    """(B, D) the same of renders."""
    coordinates = generator.alignment.coordinates
    return coordinates.direction(coordinates(generator.encode(resize(truth.observation.image, generator.size))))


def _false(signals: Sequence[Signal], truths: Sequence[Truth]) -> Tensor:
    """(N, N) bool: of which avatars wishes are false; of all but their own, where nothing else is known."""
    attributes = torch.cat([truth.record.attributes for truth in truths])
    visible = torch.cat([truth.observation.attributes_visible for truth in truths])
    rows = [signal.false_of(attributes, visible) for signal in signals if isinstance(signal, Falsifiable)]
    return torch.cat(rows) if rows else ~torch.eye(len(attributes), dtype=torch.bool)


# --- in pictures -----------------------------------------------------------------------------------------------------


def obeyed(generator: AlignedGenerator, truths: Sequence[Truth]) -> dict[str, Figure]:
    """The normalized score of pictures made of each wish alone, and beside all the others."""
    grader = shipped_grader()
    judges = {name: grader.judge(name) for name in generator.ports}
    rounds = [_round(generator, judges, truth) for truth in truths]
    return {name: adherence(Trial.cat([part[name] for part in rounds])) for name in rounds[0]}


def _round(generator: AlignedGenerator, judges: Mapping[str, Judge], truth: Truth) -> dict[str, Trial]:
    """The judges' scores of B avatars."""
    signals = {name: modalities()[name].signal.observe(truth, truth.record.seed) for name in judges}
    said = {name: encoded(generator, name, signal) for name, signal in signals.items()}
    together, trials = make(generator, said, truth.record.seed.tolist()), dict[str, Trial]()
    for name, judge in judges.items():
        alone = make(generator, {name: said[name]}, truth.record.seed.tolist())
        for kind, made in (("obeyed", alone), ("obeyed_together", together)):
            trials[f"{name}_{kind}"] = examine(judge, signals[name], made, truth.observation.image)
    return trials


@torch.no_grad()
def make(generator: AlignedGenerator, said: Mapping[str, Condition], seeds: Sequence[int]) -> Images:
    """Pictures of what is said, one for each seed."""
    state = generator.start(len(seeds), Streams(seeds))
    return generator.finish(state.moved(generator.predict(state, Level(0.0), said).point))


def encoded(generator: AlignedGenerator, name: str, signal: Signal) -> Condition:
    """A wish as the port of its modality takes it."""
    return encoders()[name].encode(signal, generator.ports[name].layout)


def main(count: str = str(MEASURED)) -> None:
    """Print the figures of the alignment that ships."""
    generator: Any = open_model(NAME).generator
    if not generator.ports:
        hint = "train it with configs/gan/alignment.toml"
        raise NotFoundError(f"no other modality is aligned with {NAME}", field="model", hint=hint)
    for name, figure in measure(generator, int(count)).items():
        sys.stdout.write(f"{name:32s} {figure}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
