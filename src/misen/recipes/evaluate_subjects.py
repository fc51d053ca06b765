"""Per-subject tuning measured: is the subject recognised, are prompts obeyed, and is its class still as varied.

``python -m misen.recipes.evaluate_subjects configs/diffusion/dreambooth.toml 20 25`` tunes on 20 subjects of the test
range, makes 25 pictures of each, lets the judge look, and prints every figure with its interval over subjects.

Source: Ruiz et al. 2022 (arXiv:2208.12242), section 4.2, for what is measured; deviation: identity and prompts are read
by an observer that knows the world.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from misen.core.image import to_bytes
from misen.data.world import companion
from misen.metrics.alignment import derangement
from misen.metrics.lpips import Lpips, pairwise_diversity
from misen.metrics.rows import ALONE, Row, Watch, Work, unwatched
from misen.perception import judge
from misen.perception.figures import Figure, bootstrapped, mean
from misen.perception.reading import Reading
from misen.recipes import tune_dreambooth, tune_textual_inversion
from misen.recipes.subjects import ADAPTER, Base, open_base, open_tuned
from misen.scene.attributes import BY_KEY, COLUMN
from misen.scene.record import Record
from misen.scene.renderer import render
from misen.scene.splits import TEST
from misen.training import TrainingConfig, load_config
from misen.training.config import OPERATIONAL

PROGRAMS: Mapping[str, ModuleType] = {"textual_inversion": tune_textual_inversion, "dreambooth": tune_dreambooth}
SHOWN, HIDDEN = 4, 4
"""Pictures of a subject that are learned from, and others that made ones are compared with."""
STEP = 1 << 47
"""Between the seeds of one subject's views."""
WISHES: Sequence[tuple[str, str, str]] = (
    ("with round glasses", "glasses", "round"),
    ("wearing a cap", "hat", "cap"),
    ("who is smiling", "expression", "smiling"),
    ("in a red shirt", "shirt_color", "red"),
    ("in front of a green background", "background", "green"),
)
"""What is said after the subject, and what it claims."""


@dataclass(frozen=True)
class Sitting:
    """What the judge sees of one subject, or of S of them with one more axis in front.

    Attributes:
        made: (P, 64) identities in the pictures made.
        shown: (SHOWN, 64) identities in those learned from.
        hidden: (HIDDEN, 64) identities in others of the subject.
        obeyed: () share of the pictures made in which the wish is seen.
        chance: () share in which the wish of another picture is seen.
        oracle: () share of the renderer's pictures of the subject, changed as wished, in which the wish is seen.
        varied: () diversity of the class, as a share of the base's.
    """

    made: Tensor
    shown: Tensor
    hidden: Tensor
    obeyed: Tensor
    chance: Tensor
    oracle: Tensor
    varied: Tensor

    @classmethod
    def stack(cls, sittings: Sequence[Sitting]) -> Sitting:
        """All of them, with the axis of subjects first."""
        columns = ([getattr(sitting, field.name) for sitting in sittings] for field in fields(cls))
        return cls(*map(torch.stack, columns))

    @classmethod
    def of(cls, row: Row) -> Sitting:
        """Inverts ``row``."""
        likenesses = (torch.tensor(row[name]) for name in ("made", "shown", "hidden"))
        shares = (torch.tensor(row[name], dtype=torch.float64) for name in ("obeyed", "chance", "oracle", "varied"))
        return cls(*likenesses, *shares)

    def row(self) -> Row:
        """The same as JSON values."""
        return {field.name: getattr(self, field.name).tolist() for field in fields(self)}


def evaluate(
    config: TrainingConfig, subjects: int, count: int, folder: Path, work: Work = ALONE, watch: Watch = unwatched
) -> dict[str, Figure]:
    """Tune on each subject; every figure by name.

    Args:
        config: of a recipe in ``PROGRAMS``; its data are replaced by renders of the subject.
        subjects: avatars of the test range, at least 2.
        count: pictures made of each, at least 2.
        folder: where the runs are kept.
        work: by how many processes, and in which journal.
        watch: told how many subjects are done.
    """
    base = open_base(PROGRAMS[config.recipe].Settings(**config.model).base)
    varied = _diversity(base.running(config), range(count))
    about = {"of": "subjects", "pictures": count, "weights": base.opened.sha256, "config": _deciding(config)}
    rows = work.rows(lambda k: _sit(config, varied, k, count, folder / f"{k:03d}").row(), subjects, about, watch)
    return figures(Sitting.stack([Sitting.of(row) for row in rows]))


def _deciding(config: TrainingConfig) -> dict[str, Any]:
    """What of a configuration decides what is learned."""
    return {key: value for key, value in config.resolved().items() if key not in OPERATIONAL | {"data"}}


def figures(sittings: Sitting) -> dict[str, Figure]:
    """Identity and obedience between chance (0) and the renderer's own pictures (1), and the class's diversity."""
    others = derangement(len(sittings.made))
    same = _likeness(sittings.made, sittings.hidden)
    identity = (same, _likeness(sittings.made, sittings.hidden[others]), _likeness(sittings.shown, sittings.hidden))
    obedience = (sittings.obeyed, sittings.chance, sittings.oracle)
    return {
        "identity": normalized(*identity),
        "identity, cosine": mean(same),
        "prompts obeyed": normalized(*obedience),
        "prompts obeyed, share": mean(sittings.obeyed),
        "diversity of the class": mean(sittings.varied),
    }


def normalized(score: Tensor, chance: Tensor, oracle: Tensor) -> Figure:
    """How far the mean of (S,) scores has come from chance to oracle; the interval resamples subjects."""

    def statistic(items: Tensor) -> Tensor:
        reached, floor, top = (column[items].double().mean() for column in (score, chance, oracle))
        return (reached - floor) / (top - floor)

    return bootstrapped(statistic, len(score))


def _likeness(first: Tensor, second: Tensor) -> Tensor:
    """(S,) mean cosine over all pairs of unit vectors (S, N, D) and (S, M, D)."""
    return (first @ second.transpose(1, 2)).mean(dim=(1, 2))


def views(record: Record, count: int) -> Record:
    """One avatar ``count`` times, each in another pose, expression and light."""
    seeds = record.seed + STEP * torch.arange(1, count + 1)
    return companion(replace(record[torch.zeros(count, dtype=torch.int64)], seed=seeds))


# --- one subject -----------------------------------------------------------------------------------------------------


@torch.no_grad()
def _sit(config: TrainingConfig, varied: Tensor, subject: int, count: int, folder: Path) -> Sitting:
    """What the judge sees of one subject; ``varied`` () is the diversity of the class as the base makes it."""
    record, look = TEST.records(subject, 1), judge.observer()
    pictures = render(views(record, SHOWN + HIDDEN))
    tuned, prompt = _tuned(config, pictures[:SHOWN], folder)
    wishes = [WISHES[index % len(WISHES)] for index in range(count)]
    seeds = list(range(count))
    made = look(tuned.make([f"{prompt} {words}" for words, _, _ in wishes], seeds))
    truth = look(render(Record.cat([record.with_attribute(key, value) for _, key, value in WISHES])))
    identities = look(pictures).identity
    other = [wishes[index] for index in derangement(count, subject).tolist()]
    return Sitting(
        made=made.identity,
        shown=identities[:SHOWN],
        hidden=identities[SHOWN:],
        obeyed=_seen(made, wishes),
        chance=_seen(made, other),
        oracle=_seen(truth, WISHES),
        varied=_diversity(tuned, seeds) / varied,
    )


def _tuned(config: TrainingConfig, shown: Tensor, folder: Path) -> tuple[Base, str]:
    """The model after the recipe has run on a subject's pictures, and the prompt that shows the subject."""
    program, pictures = PROGRAMS[config.recipe], folder / "pictures"
    pictures.mkdir(parents=True)
    for index, pixels in enumerate(to_bytes(shown).numpy()):
        Image.fromarray(pixels).save(pictures / f"{index}.png")
    changed = config.model_copy(update={"data": {"folder": str(pictures)}})
    with torch.enable_grad():
        program.train(changed, folder)
    left = next(path for path in (folder / ADAPTER, folder / tune_dreambooth.MODEL) if path.exists())
    return open_tuned(left).running(config), program.Settings(**config.model).prompt


def _seen(reading: Reading, wishes: Sequence[tuple[str, str, str]]) -> Tensor:
    """() share of pictures in which the judge sees what was wished."""
    hits = [_value(reading, index, key) == value for index, (_, key, value) in enumerate(wishes)]
    return torch.tensor(hits, dtype=torch.float64).mean()


def _value(reading: Reading, picture: int, key: str) -> str:
    likeliest = reading.log_probability(COLUMN[key])[picture].argmax()
    return BY_KEY[key].values[int(likeliest)]


@torch.no_grad()
def _diversity(base: Base, seeds: Sequence[int]) -> Tensor:
    """() mean LPIPS-A between pictures of the class."""
    look = judge.observer()
    lpips = Lpips(lambda images: look(images).pyramid)
    prompt = tune_dreambooth.Settings().class_prompt
    return pairwise_diversity(lpips.embed(base.make([prompt] * len(seeds), seeds)))


def report(measured: Mapping[str, Figure]) -> Iterator[str]:
    """One line per figure."""
    return (f"{name:<24} {figure}\n" for name, figure in measured.items())


def main(config: str, subjects: str = "20", count: str = "25", *changes: str) -> None:
    """Measure the recipe of a configuration, with ``changes`` such as ``model.prior=0``, and print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        measured = evaluate(load_config(config, changes), int(subjects), int(count), Path(folder))
    sys.stdout.writelines(report(measured))


if __name__ == "__main__":
    main(*sys.argv[1:])
