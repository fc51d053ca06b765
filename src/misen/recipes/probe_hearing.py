"""Probes of what can be read off a sound by a linear map: visemes and the jaw's opening, from each feature of it.

``python -m misen.recipes.probe_hearing a 600 200`` fits maps on 600 training utterances, for hearing A and for the
features that need no network, and prints how well they do on 200 of the test range.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from misen.data.speech import Speech, first_speech
from misen.metrics.linear_probe import foreseen
from misen.modalities.audio.features import FEATURES, Features, hidden
from misen.perception import coach, judge
from misen.perception.figures import Figure, mean
from misen.perception.hearing import as_recorded
from misen.recipes.train_hearing import explained
from misen.scene.speech import VISEMES
from misen.scene.splits import TEST, TRAIN_A, TRAIN_B

RIDGE = 1e-3
"""Of the probe, beside the variance of every feature, which is 1."""
FAINT = 1e-6
"""Least deviation that a feature is divided by."""

Rows = Float[Tensor, "frames columns"]


def probe(
    features: Mapping[str, Features], learned: Iterable[Speech], asked: Iterable[Speech]
) -> dict[str, dict[str, Figure]]:
    """By feature, the accuracy of ``visemes`` and the R2 of the jaw's ``openness`` over the spoken frames.

    Args:
        features: by name.
        learned: what the maps are fitted on.
        asked: what they are tried on.
    """
    learned, asked = list(learned), list(asked)
    return {name: _probed(feature, learned, asked) for name, feature in features.items()}


@torch.no_grad()
def _probed(feature: Features, learned: list[Speech], asked: list[Speech]) -> dict[str, Figure]:
    (known, targets), (new, truth) = _rows(feature, learned), _rows(feature, asked)
    spread = known.std(dim=0).clamp(min=FAINT)
    said = foreseen(known / spread, targets, new / spread, RIDGE)
    right = said[:, 1:].argmax(dim=1) == truth[:, 1:].argmax(dim=1)
    return {"visemes": mean(right.double()), "openness": explained(said[:, 0], truth[:, 0])}


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


def main(side: str, learned: str = "600", asked: str = "200") -> None:
    """Print the figures of every feature, the shipped network's hidden layer last."""
    network = {"a": coach, "b": judge}[side].hearing()
    split = {"a": TRAIN_A, "b": TRAIN_B}[side]
    parts = [recorded(first_speech(split, int(learned)), 0), recorded(first_speech(TEST, int(asked)), 1)]
    for name, figures in probe({**FEATURES, "hidden": hidden(network)}, *parts).items():
        for what, figure in figures.items():
            sys.stdout.write(f"{name:12s} {what:9s} {figure}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
