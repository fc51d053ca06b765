"""Hearing: trained on the world's speech to tell the mouth from the sound, graded on utterances of the test range.

``python -m misen.recipes.train_hearing a 300`` prints the figures of the shipped hearing A on 300 utterances.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from misen.core.shapes import PerItem, Scalar
from misen.data.speech import Speech, first_speech
from misen.perception import coach, judge
from misen.perception.figures import Figure, bootstrapped, correlation, mean
from misen.perception.heard import Listen
from misen.perception.hearing import Hearing, as_recorded, hearing_a, hearing_b, hearing_losses
from misen.recipes.ears import teach
from misen.scene.splits import TEST
from misen.training import Outcome, TrainingConfig


class HearingPlayer:
    """Learns what a mouth does while it is heard."""

    name = "hearing"

    def __init__(self, hearing: Hearing) -> None:
        self.hearing = hearing
        self.module: nn.Module = hearing

    def loss(self, batch: Mapping[str, Any], step: int) -> tuple[Tensor, Mapping[str, float]]:
        """Visemes and mouth, each heard through a microphone of its own."""
        speech: Speech = batch["speech"]
        heard = self.hearing(as_recorded(speech.waveform))
        losses = hearing_losses(heard, speech.visemes, speech.mouth)
        return torch.stack(list(losses.values())).sum(), {name: loss.item() for name, loss in losses.items()}


def train(config: TrainingConfig, folder: Path, *, resume: bool = False, allow: Collection[str] = ()) -> Outcome:
    """Train the hearing of one side, grade it and ship it as ``config.name``."""
    networks = {"a": hearing_a, "b": hearing_b}
    return teach(networks, HearingPlayer, evaluate, config, folder, resume=resume, allow=allow)


@torch.no_grad()
def evaluate(listen: Listen, count: int) -> dict[str, Figure]:
    """Figures over the frames of ``count`` utterances of the test range.

    Returns:
        ``visemes`` accuracy; of the jaw's opening ``openness`` (correlation) and ``openness_r2``.
    """
    right, openness = [], []
    for speech in first_speech(TEST, count):
        heard = listen(speech.waveform)
        right.append((heard.visemes.argmax(dim=2) == speech.visemes)[speech.spoken])
        openness.append(torch.stack([heard.openness, speech.mouth[..., 0]], dim=2)[speech.spoken])
    foreseen, true = torch.cat(openness).T
    return {
        "visemes": mean(torch.cat(right).double()),
        "openness": correlation(foreseen, true),
        "openness_r2": explained(foreseen, true),
    }


def explained(foreseen: PerItem, true: PerItem) -> Figure:
    """R2: the share of the variance of (N,) true values that (N,) foreseen ones explain."""

    def share(items: Tensor) -> Scalar:
        missed = (foreseen[items] - true[items]).square().mean()
        return 1 - missed / true[items].var(correction=0)

    return bootstrapped(share, len(true))


def main(side: str, count: str = "300") -> None:
    """Print the shipped network's figures."""
    for name, figure in evaluate({"a": coach, "b": judge}[side].hearing(), int(count)).items():
        sys.stdout.write(f"{name:16s} {figure}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
