"""Textual inversion: three to five pictures become one new word; nothing else of the model changes.

Source: Gal et al. 2022 (arXiv:2208.01618), section 4; deviations: one template in place of many neutral ones, since the
base knows few words, and the base's own velocity loss in place of that of the noise.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from misen.assembly import USUAL_MODEL
from misen.core.image import from_bytes
from misen.data.pictures import PictureData
from misen.modalities.text.pseudo_word import PseudoWord, save_word
from misen.nn.description import write_card
from misen.recipes.subjects import ADAPTER, card_of_tuned, open_base
from misen.training import Console, JsonLines, Outcome, Trainer, TrainingConfig
from misen.training.tuning import TuningPlayer, draw, seeds

TEMPLATES = ("{}", "a {}", "a portrait of {}", "a picture of {}", "a photo of {}", "a drawing of {}", "an image of {}")
"""Sentences that say nothing but the word."""


@dataclass(frozen=True)
class Settings:
    """What is learned.

    Attributes:
        base: name or folder of the model that is to know the word.
        word: as it will stand in prompts.
        like: a word of one token, from whose meaning the new one begins.
    """

    base: str = USUAL_MODEL
    word: str = "<subject>"
    like: str = "person"

    @property
    def prompt(self) -> str:
        """Words that show the subject."""
        return f"a portrait of {self.word}"


def train(config: TrainingConfig, folder: Path, *, resume: bool = False, allow: Collection[str] = ()) -> Outcome:
    """Learn the word; it is saved in ``folder / "adapter"`` as diffusers reads it, with its card."""
    settings, data = config.section("model", Settings), config.section("data", PictureData)
    base = open_base(settings.base)
    word = PseudoWord(base.encoder, settings.word, settings.like)
    samples = data.read(base.generator.size, folder)
    player = TuningPlayer(base.generator, [word.vector], lambda batch: {base.port: word(batch["prompts"])})
    batches = WordBatches(base.points(from_bytes(samples.pixels)), settings.word, config)
    callbacks = [Console(), JsonLines(folder / "log.jsonl")]
    trainer = Trainer([player], batches, config, folder=folder, callbacks=callbacks)
    outcome = trainer.run(resume=resume, allow=allow)
    with trainer.averaged():
        digest = save_word(folder / ADAPTER, settings.word, word.vector)
    facts = {"kind": "textual inversion", "word": settings.word, "sha256": digest, "pictures": samples.fingerprint}
    write_card(folder / ADAPTER, card_of_tuned(base, player.module, config, outcome, facts))
    return outcome


class WordBatches:
    """A few pictures, each under a sentence drawn anew."""

    def __init__(self, points: Tensor, word: str, config: TrainingConfig) -> None:
        self.points, self.sentences = points, [template.format(word) for template in TEMPLATES]
        self.size, self.seed = config.batch_size, config.seed

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the points."""
        return hashlib.sha256(self.points.contiguous().numpy().data).hexdigest()

    def __call__(self, step: int) -> Mapping[str, Any]:
        """The batch of ``step``: "points", "prompts", "weights" and "seeds"."""
        told = draw(len(self.sentences), self.size, self.seed, f"{step}/sentence")
        return {
            "points": self.points[draw(len(self.points), self.size, self.seed, f"{step}/picture")],
            "prompts": [self.sentences[index] for index in told.tolist()],
            "weights": torch.ones(self.size),
            "seeds": seeds(self.size, self.seed, step),
        }
