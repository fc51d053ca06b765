"""DreamBooth: a few pictures of a subject are tied to a rare word, while the model keeps what it knew of the class.

Source: Ruiz et al. 2022 (arXiv:2208.12242), section 3; deviation: by default only changes of low rank to the attention
are learned (Hu et al. 2021, arXiv:2106.09685).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from misen.assembly import USUAL_MODEL
from misen.core.image import from_bytes
from misen.core.seeding import derive
from misen.data.pictures import PictureData
from misen.editing.memory import Memory
from misen.generators.diffusion import lora
from misen.nn.description import CARD, read_card, write_card
from misen.recipes.subjects import ADAPTER, Base, card_of_tuned, open_base
from misen.training import Console, JsonLines, Outcome, Trainer, TrainingConfig
from misen.training.tuning import Lesson, LessonBatches, TuningPlayer, learning

MODEL = "model"
"""Folder, inside that of a run, of a model all of whose weights were tuned."""
IMAGINED = Memory()
"""The last pictures of a class that were made, which the next subject of the class is learned beside."""
SAMPLING = ("family", "sampler", "steps", "guidance_scale")
"""What the card of a tuned model keeps of its base's; measured figures are not among it."""


@dataclass(frozen=True)
class Settings:
    """What is learned.

    Attributes:
        base: name or folder of the model that is tuned.
        prompt: what the pictures show, with a word for the subject that nobody uses.
        class_prompt: what else is like that, in the same words without that one.
        prior: how many pictures of the class the model makes of its own, to keep them in mind; 0 for none.
        prior_weight: of their errors beside those of the subject's pictures.
        rank: of the changes that are learned; 0 tunes all weights of the network.
    """

    base: str = USUAL_MODEL
    prompt: str = "a portrait of a zwx person"
    class_prompt: str = "a portrait of a person"
    prior: int = 64
    prior_weight: float = 1.0
    rank: int = 8


def train(config: TrainingConfig, folder: Path, *, resume: bool = False, allow: Collection[str] = ()) -> Outcome:
    """Tune the model.

    ``folder / "adapter"`` gets the changes as diffusers reads them, or ``folder / "model"`` the whole model if
    all its weights were tuned.
    """
    settings, data = config.section("model", Settings), config.section("data", PictureData)
    base = open_base(settings.base)
    samples = data.read(base.generator.size, folder)
    lessons = list(lessons_of(base, settings, from_bytes(samples.pixels), config))
    player = TuningPlayer(base.generator, _free(base, settings.rank, config.seed))
    with learning(player.module):
        batches = LessonBatches(lessons, config.batch_size, config.seed)
        callbacks = [Console(), JsonLines(folder / "log.jsonl")]
        trainer = Trainer([player], batches, config, folder=folder, callbacks=callbacks)
        outcome = trainer.run(resume=resume, allow=allow)
        with trainer.averaged():
            _save(base, settings, player, config, outcome, folder)
    return outcome


def lessons_of(base: Base, settings: Settings, images: Tensor, config: TrainingConfig) -> Iterator[Lesson]:
    """The subject's pictures (N, 3, H, W), and beside them those of the class that the base makes itself."""
    yield _lesson(base, settings.prompt, images)
    if settings.prior:
        key = base.opened.sha256, settings.class_prompt, settings.prior, config.seed, config.precision
        imagined = IMAGINED.recall(key, lambda: _imagined(base, settings, config))
        yield _lesson(base, settings.class_prompt, imagined, settings.prior_weight)


def _imagined(base: Base, settings: Settings, config: TrainingConfig) -> Tensor:
    """(prior, 3, H, W) pictures of the class."""
    own = [derive(config.seed, f"prior/{index}") for index in range(settings.prior)]
    return base.running(config).make([settings.class_prompt] * settings.prior, own)


def _lesson(base: Base, prompt: str, images: Tensor, weight: float = 1.0) -> Lesson:
    return Lesson(base.points(images), {base.port: base.read(prompt).repeat(len(images))}, weight)


def _free(base: Base, rank: int, seed: int) -> list[torch.nn.Parameter]:
    """What learns: factors beside the attention, or all weights of the network."""
    torch.manual_seed(seed)
    network = base.generator.network
    return lora.attach(network, rank) if rank else list(network.parameters())


def _save(
    base: Base, settings: Settings, player: TuningPlayer, config: TrainingConfig, outcome: Outcome, folder: Path
) -> None:
    facts = {"kind": "dreambooth", "prompt": settings.prompt, "class_prompt": settings.class_prompt}
    card = card_of_tuned(base, player.module, config, outcome, facts)
    if settings.rank:
        digest = lora.save(folder / ADAPTER, lora.detach(base.generator.network))
        write_card(folder / ADAPTER, {"sha256": digest, **card})
    else:
        base.opened.save(folder / MODEL)
        _describe(folder / MODEL, card)


def _describe(model: Path, card: Mapping[str, Any]) -> None:
    """Write the card of a tuned model into its folder; beside the folder of a foreign one, which has no card."""
    if not (model / CARD).exists():
        write_card(model.parent, card)
        return
    usual = read_card(model)
    write_card(model, {**{key: usual[key] for key in SAMPLING}, **card})
