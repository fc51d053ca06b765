"""Joint text-image embeddings: trained on captions of every style in both languages, graded by retrieval.

``python -m misen.recipes.train_joint a 1000`` prints the figures of the shipped joint embedding A on 1000 renders.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from misen.data.cache import CachedWorld
from misen.data.world import first_truths
from misen.nn.contrastive import info_nce, similarities
from misen.perception import coach, judge
from misen.perception.claims import WIDTH, false_of, ruled_out, shown
from misen.perception.figures import Figure
from misen.perception.grading import grade_joint
from misen.perception.joint import JointEmbedding, joint_a, joint_b
from misen.perception.objective import attribute_loss
from misen.perception.softening import soften
from misen.recipes.shipping import go_on, ship
from misen.scene.attributes import KEYS, ONE_HOT_WIDTH
from misen.scene.language import Caption, Language, Style, describe
from misen.scene.splits import COMPOSITION, TEST, Split
from misen.scene.truth import Truth
from misen.training import Console, JsonLines, Outcome, Trainer, TrainingConfig

LANGUAGES: tuple[Language, ...] = ("en", "zh")
STYLES: tuple[Style, ...] = ("full", "full", "partial", "free")
"""What captions are drawn from, each equally likely."""


@dataclass(frozen=True)
class Settings:
    """Which joint embedding: "a" may steer and encodes text for every generator, "b" only judges.

    It goes on from the weights that ship if ``go_on``; the two heads of its course begin anew.
    """

    side: Literal["a", "b"]
    go_on: bool = False


@dataclass(frozen=True)
class Data:
    """Where the rendered world lies: the folder of a cache of TRAIN_A for side "a", of TRAIN_B for side "b"."""

    cache: str


class Course(nn.Module):
    """An embedding with two heads that are needed while it learns: what a caption rules out, what a picture shows."""

    def __init__(self, embedding: JointEmbedding) -> None:
        super().__init__()
        self.embedding = embedding
        self.denied = nn.Linear(embedding.words.model.config.hidden_size, WIDTH)
        self.attributes = nn.Linear(embedding.picture.gather.out_features, ONE_HOT_WIDTH)


class JointPlayer:
    """Learns which captions are true of which pictures, and every claim by itself."""

    name = "joint"

    def __init__(self, course: Course) -> None:
        self.course = course
        self.module: nn.Module = course

    def loss(self, batch: Mapping[str, Any], step: int) -> tuple[Tensor, Mapping[str, float]]:
        """Contrast of captions and pictures, plus what each tower says of its own input."""
        truth: Truth = batch["truth"]
        captions = captions_of(truth, batch["seeds"].tolist())
        embedding = self.course.embedding
        picture = embedding.picture(soften(truth.observation.image))
        words = embedding.words([caption.text for caption in captions])
        denied = ruled_out(captions)
        logits = similarities(embedding.place_words(words), embedding.place_picture(picture), embedding.scale)
        said = self.course.denied(words).float()
        losses = {
            "contrast": info_nce(logits, also_true=~false_of(denied, _present(truth))),
            "words": 10 * functional.binary_cross_entropy_with_logits(said, denied.float()),
            "picture": attribute_loss(
                self.course.attributes(picture), truth.record.attributes, truth.observation.attributes_visible
            ),
        }
        right = (logits.argmax(dim=1) == torch.arange(len(logits))).float().mean()
        figures = {**losses, "right": right, "scale": embedding.scale}
        return torch.stack(list(losses.values())).sum(), {name: value.item() for name, value in figures.items()}


def captions_of(truth: Truth, seeds: Sequence[int]) -> list[Caption]:
    """One caption of each avatar, in a language and style chosen by its seed."""
    draws = [Random(seed) for seed in seeds]
    return [
        caption(truth, item, draw.getrandbits(62), draw.choice(LANGUAGES), draw.choice(STYLES))
        for item, draw in enumerate(draws)
    ]


def caption(truth: Truth, item: int, seed: int, language: Language, style: Style) -> Caption:
    """A caption of one avatar of a batch."""
    visible = truth.observation.attributes_visible[item].tolist()
    return describe(
        {key: truth.record.value(key, item) for key in KEYS},
        {key for key, seen in zip(KEYS, visible, strict=True) if seen},
        float(truth.record.camera[item, 0]),
        seed,
        language=language,
        style=style,
    )


def train(config: TrainingConfig, folder: Path, *, resume: bool = False, allow: Collection[str] = ()) -> Outcome:
    """Train the joint embedding of one side, grade it and ship it as ``config.name``."""
    settings = config.section("model", Settings)
    world = CachedWorld(config.section("data", Data).cache)
    torch.manual_seed(config.seed)
    player = JointPlayer(Course({"a": joint_a, "b": joint_b}[settings.side]()))
    if settings.go_on:
        go_on(player.course.embedding, config.name)
    batches = world.batches(config.batch_size, config.seed)
    trainer = Trainer([player], batches, config, folder=folder, callbacks=[Console(), JsonLines(folder / "log.jsonl")])
    outcome = trainer.run(resume=resume, allow=allow)
    with trainer.averaged():
        embedding = player.course.embedding
        figures = {name: asdict(figure) for name, figure in evaluate(embedding).items()}
        ship(embedding, config.name, config, outcome, {"data": asdict(world.manifest), "figures": figures})
    return outcome


def evaluate(joint: JointEmbedding, count: int = 500) -> dict[str, Figure]:
    """R@1 and R@5 among 100 of full captions, by language, on the test range and on held-out combinations."""
    return {
        f"{split.name}.{name}": figure
        for split in (TEST, COMPOSITION)
        for name, figure in _evaluate_split(joint, split, count).items()
    }


def _evaluate_split(joint: JointEmbedding, split: Split, count: int) -> dict[str, Figure]:
    truths = list(first_truths(split, count))
    listed: dict[str, list[Caption]] = {
        language: [
            caption(truth, item, int(truth.record.seed[item]), language, "full")
            for truth in truths
            for item in range(len(truth))
        ]
        for language in LANGUAGES
    }
    return grade_joint(joint, truths, listed)


def _present(truth: Truth) -> Tensor:
    return shown(truth.record.attributes, truth.observation.attributes_visible, truth.record.camera[:, 0])


def main(side: str, count: str = "1000") -> None:
    """Print the shipped joint embedding's figures."""
    for name, figure in evaluate({"a": coach, "b": judge}[side].joint(), int(count)).items():
        sys.stdout.write(f"{name:24s} {figure}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
