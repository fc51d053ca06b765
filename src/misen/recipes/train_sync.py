"""Sync experts: trained on the world's speech to tell whether a mouth moves with a sound, graded on shifted mouths.

``python -m misen.recipes.train_sync b 300`` prints the figures of the shipped sync expert B on 300 utterances.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from misen.data.speech import Speech, first_speech
from misen.perception import coach, judge
from misen.perception.figures import Figure, mean
from misen.perception.hearing import as_recorded
from misen.perception.sync import SyncExpert, as_seen, offsets, sync_a, sync_b, sync_loss
from misen.recipes.ears import teach
from misen.scene.splits import TEST
from misen.training import Outcome, TrainingConfig

LAGS = (-4, 0, 4)
"""Frames by which mouths are shifted to see whether that is found."""


class SyncPlayer:
    """Learns which moment of a clip a sound goes with."""

    name = "sync"

    def __init__(self, expert: SyncExpert) -> None:
        self.expert = expert
        self.module: nn.Module = expert

    def loss(self, batch: Mapping[str, Any], step: int) -> tuple[Tensor, Mapping[str, float]]:
        """The contrast within each utterance, heard through a microphone and seen by an observer."""
        speech: Speech = batch["speech"]
        sound = self.expert.sound(as_recorded(speech.waveform))
        mouth = self.expert.mouth(as_seen(speech.mouth))
        loss = sync_loss(sound, mouth, speech.mouth)
        right = offsets(sound.detach(), mouth.detach()).abs() <= 1
        return loss, {"in_sync": right.float().mean().item()}


def train(config: TrainingConfig, folder: Path, *, resume: bool = False, allow: Collection[str] = ()) -> Outcome:
    """Train the sync expert of one side, grade it and ship it as ``config.name``."""
    networks = {"a": sync_a, "b": sync_b}
    return teach(networks, SyncPlayer, evaluate, config, folder, resume=resume, allow=allow)


@torch.no_grad()
def evaluate(expert: SyncExpert, count: int) -> dict[str, Figure]:
    """Figures over ``count`` utterances of the test range.

    Returns:
        ``lag <n>``, share of mouths lagging by n frames whose lag is found within one frame; ``agreement``, mean
        cosine in the frames that are spoken, and ``agreement_of_others`` with the mouth of another utterance.
    """
    found: dict[str, list[Tensor]] = {}
    for speech in first_speech(TEST, count):
        for name, values in _examined(expert, speech).items():
            found.setdefault(name, []).append(values)
    return {name: mean(torch.cat(values).double()) for name, values in found.items()}


def _examined(expert: SyncExpert, speech: Speech) -> dict[str, Tensor]:
    sound, mouth = expert.sound(speech.waveform), expert.mouth(speech.mouth)
    lagging = {lag: expert.mouth(speech.mouth.roll(lag, dims=1)) for lag in LAGS}  # silence comes round
    near = {f"lag {lag}": (offsets(sound, late) - lag).abs() <= 1 for lag, late in lagging.items()}
    others = mouth.roll(1, dims=0)
    agreement = {"agreement": (sound * mouth).sum(2), "agreement_of_others": (sound * others).sum(2)}
    return near | {name: values[speech.spoken] for name, values in agreement.items()}


def main(side: str, count: str = "300") -> None:
    """Print the shipped expert's figures."""
    for name, figure in evaluate({"a": coach, "b": judge}[side].sync(), int(count)).items():
        sys.stdout.write(f"{name:20s} {figure}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
