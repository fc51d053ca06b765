"""Probes of what can be read off a sound by a linear map: visemes and the jaw's opening, from each feature of it.

``python -m misen.recipes.probe_hearing a 600 200`` fits maps on 600 training utterances, for hearing A and for the
features that need no network, and prints how well they do on 200 of the test range, and how much more some tell than
others. Intervals resample utterances, since the frames of one are alike.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from misen.core.shapes import PerItem
from misen.data.speech import Speech, first_speech
from misen.metrics.linear_probe import foreseen
from misen.modalities.audio.features import FEATURES, Features, hidden
from misen.perception import coach, judge
from misen.perception.figures import Figure, ratio
from misen.perception.hearing import as_recorded
from misen.recipes.train_hearing import explained
from misen.scene.speech import VISEMES
from misen.scene.splits import TEST, TRAIN_A, TRAIN_B

RIDGE = 1e-3
"""Of the probe, beside the variance of every feature, which is 1."""
FAINT = 1e-6
"""Least deviation that a feature is divided by."""
HIDDEN = "hidden"
ORDER = ("spectrogram", "mfcc", HIDDEN)
"""Features, of which each should tell more than the one before."""

Rows = Float[Tensor, "frames columns"]


@dataclass(frozen=True)
class Told:
    """What was told of U utterances.

    Attributes:
        right: (U,) spoken frames whose viseme was told.
        frames: (U,) spoken frames.
        openness: the R2 of the jaw's.
    """

    right: PerItem
    frames: PerItem
    openness: Figure

    @property
    def visemes(self) -> Figure:
        """The share of spoken frames whose viseme was told."""
        return ratio(self.right[:, None], self.frames[:, None])

    def more(self, other: Told) -> Figure:
        """By how much this share is larger than another of the same utterances."""
        return ratio((self.right - other.right)[:, None], self.frames[:, None])


def probe(features: Mapping[str, Features], learned: Iterable[Speech], asked: Iterable[Speech]) -> dict[str, Told]:
    """What is told of visemes and of the jaw's openness over the spoken frames, by feature.

    Args:
        features: by name.
        learned: what the maps are fitted on.
        asked: what they are tried on.
    """
    learned, asked = list(learned), list(asked)
    return {name: _probed(feature, learned, asked) for name, feature in features.items()}


@torch.no_grad()
def _probed(feature: Features, learned: list[Speech], asked: list[Speech]) -> Told:
    (known, targets), (new, truth) = _rows(feature, learned), _rows(feature, asked)
    spread = known.std(dim=0).clamp(min=FAINT)
    said = foreseen(known / spread, targets, new / spread, RIDGE)
    right = said[:, 1:].argmax(dim=1) == truth[:, 1:].argmax(dim=1)
    frames = torch.cat([part.spoken.sum(dim=1) for part in asked])
    hits = torch.stack([own.double().sum() for own in right.split(frames.tolist())])
    return Told(hits, frames.double(), explained(said[:, 0], truth[:, 0]))


def _rows(feature: Features, parts: list[Speech]) -> tuple[Rows, Rows]:
    """(N, D) features of the spoken frames, and (N, 12) how far the jaw is open and which viseme it is."""
    taken = torch.cat([feature.take(part.waveform)[part.spoken] for part in parts])
    openness = torch.cat([part.mouth[..., 0][part.spoken] for part in parts])
    visemes = torch.cat([part.visemes[part.spoken] for part in parts])
    return taken.double(), torch.cat([openness[:, None], functional.one_hot(visemes, len(VISEMES))], dim=1).double()


def recorded(parts: Iterable[Speech], seed: int) -> Iterable[Speech]:
    """The same through a microphone each, so that a feature cannot live on the silence of a synthesizer."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return [Speech(as_recorded(p.waveform), p.mouth, p.visemes, p.spoken) for p in parts]


def lines(told: Mapping[str, Told]) -> Iterator[str]:
    """Every figure as a line of text."""
    for name, one in told.items():
        yield f"{name:12s} visemes   {one.visemes}\n"
        yield f"{name:12s} openness  {one.openness}\n"
    for less, more in pairwise(name for name in ORDER if name in told):
        yield f"{more} over {less}, visemes: {told[more].more(told[less])}\n"


def main(side: str, learned: str = "600", asked: str = "200") -> None:
    """Print the figures of every feature, the shipped network's hidden layer last."""
    network = {"a": coach, "b": judge}[side].hearing()
    split = {"a": TRAIN_A, "b": TRAIN_B}[side]
    parts = [recorded(first_speech(split, int(learned)), 0), recorded(first_speech(TEST, int(asked)), 1)]
    sys.stdout.writelines(lines(probe({**FEATURES, HIDDEN: hidden(network)}, *parts)))


if __name__ == "__main__":
    main(*sys.argv[1:])
