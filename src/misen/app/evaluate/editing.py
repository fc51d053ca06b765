"""Whether a method of editing changes what was asked for, and nothing else."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import radians
from random import Random
from typing import Protocol

import torch
from torch import Tensor

from misen.app import checks
from misen.app.evaluate.examination import Examination, standard
from misen.app.evaluate.quality import intervals
from misen.app.model import Model
from misen.assembly import WORDS
from misen.core.judge import Judge
from misen.core.registry import modalities
from misen.core.signal import Signal
from misen.editing.methods.choice import choose
from misen.editing.report import ALIKE
from misen.metrics.fidelity import RANGE
from misen.metrics.grader import Grader
from misen.metrics.identity import identity_likeness
from misen.metrics.report import EditingReport
from misen.perception.figures import Figure, mean
from misen.perception.reading import Reading
from misen.scene.attributes import ATTRIBUTES, BY_KEY, COLUMN, KEYS
from misen.scene.language.caption import Caption
from misen.scene.language.grammar import describe
from misen.scene.observe import observe
from misen.scene.record import Record
from misen.scene.sampling import respond
from misen.scene.splits import SALIENT
from misen.scene.truth import Truth

HALF_TURNED = radians(25)
"""A yaw of which captions say nothing, so that they ask for one trait alone."""
SAME = 1 / 127.5
"""Change of a pixel up to which the renderer left it alone."""
MEASURES = ("success", "identity", "faithful", "flipped", "psnr_kept")


class Editor(Protocol):
    """What can be measured: it edits pictures."""

    @property
    def name(self) -> str:
        """As in reports."""
        ...

    @property
    def method(self) -> str:
        """As in reports."""
        ...

    def edit(self, task: Task) -> Tensor:
        """The avatar's picture as edited, (1, 3, H, W) in [-1, 1]."""
        ...

    def repeat(self, image: Tensor) -> Tensor:
        """(1, 3, H, W) encoded and decoded again."""
        ...


@dataclass(frozen=True)
class Retoucher:
    """A model as an editor.

    It is told the one trait that is to change; a method that has to know what the picture shows is told that, and the
    same description with the trait changed.

    Attributes:
        model: used with its defaults.
        method: how it edits, see ``Model.edit``.
        strength: of each edit; as usual for the method if left out.
    """

    model: Model
    method: str = "auto"
    strength: float | None = None

    @property
    def name(self) -> str:
        """The model's."""
        return self.model.name

    def edit(self, task: Task) -> Tensor:
        """One edit from the avatar's seed; raises what ``Model.edit`` raises."""
        method, wish = choose(self.method, {"picture", "words"}), task.wish
        if "source" in method.options():
            method, wish = method.of({**method.options(), "source": task.shown}), task.retold
        image, seed = task.truth.observation.image, int(task.truth.record.seed)
        result = self.model.edit(image, wish, method=method, strength=self.strength, seed=seed)
        return result.images[0].tensor[None].cpu()

    def repeat(self, image: Tensor) -> Tensor:
        """An edit with strength 0."""
        return self.model.edit(image, strength=0.0, seed=0).images[0].tensor[None].cpu()


@dataclass(frozen=True)
class Task:
    """One edit to be made.

    Attributes:
        truth: one avatar.
        key: the trait that is to change.
        changed: the avatar with it changed.
        goal: the renderer's picture of that, (1, 3, H, W).
        visible: (16,) bool: traits that can be seen before and after.
        wish: the changed trait in words.
        shown: everything that can be seen before, in words.
        retold: the same with the trait changed.
    """

    truth: Truth
    key: str
    changed: Record
    goal: Tensor
    visible: Tensor
    wish: Signal
    shown: str
    retold: Signal


def evaluate_editing(
    editor: Editor, *, n: int = 100, seed: int = 0, examination: Examination | None = None
) -> EditingReport:
    """Ask for one trait of each of ``n`` avatars to be changed, in words, and let the judge say what became of them.

    Args:
        editor: makes the edits.
        n: edits, at least 2.
        seed: chooses avatars and changes.
        examination: the standard one if left out.

    Raises:
        InputError: ``n`` is too small, or the method takes no words.
        Unreachable: the model cannot follow words.
    """
    checks.whole(n, "n", 2, checks.COUNT_LIMIT)
    bench, seconds = examination or standard(), 0.0
    judge, keys, rows = bench.grader.judge(WORDS), [], []
    for task in tasks(bench, n, seed):
        image, began = task.truth.observation.image, time.perf_counter()
        made = editor.edit(task)
        seconds += time.perf_counter() - began
        keys.append(task.key)
        shown = (made, task.goal, editor.repeat(image))
        rows.append(torch.stack([_marks(bench.grader, judge, task, picture) for picture in shown]))
    figures, oracle, control = (_figures(marks) for marks in torch.stack(rows).unbind(1))
    return EditingReport(
        model=editor.name,
        method=editor.method,
        n=n,
        seed=seed,
        ci95=intervals(figures),
        oracle=_values(oracle),
        control=_values(control),
        traits=_by_trait(keys, torch.stack(rows)[:, 0, 0]),
        judge=bench.grader.name,
        seconds_per_image=seconds / n,
        **_values(figures),
    )


def tasks(bench: Examination, n: int, seed: int) -> Iterator[Task]:
    """``n`` edits to be made; the examination's watcher is told after each."""
    done = 0
    for truths in replace(bench, watch=lambda _: None).truths(n, seed):
        for item in range(len(truths)):
            yield task_of(truths[item : item + 1])
            bench.watch(done := done + 1)


def task_of(truth: Truth) -> Task:
    """A change of one avatar that can be seen before and after, chosen by the avatar's seed."""
    rng, before = Random(int(truth.record.seed)), truth.observation.attributes_visible[0]
    keys = [key for key in SALIENT if before[COLUMN[key]]]
    for key in rng.sample(keys, len(keys)):
        value = rng.choice([value for value in BY_KEY[key].values if value != truth.record.value(key, 0)])
        changed = _with(truth.record, key, value)
        seen = observe(changed, truth.observation.image.shape[-1])
        after = seen.attributes_visible[0]
        if after[COLUMN[key]]:
            wish, retold = _alone(changed, key), _signal(_told(changed, after), key)
            return Task(truth, key, changed, seen.image, before & after, wish, _told(truth.record, before).text, retold)
    raise AssertionError("a background, a shirt or a head can always be changed")


def _with(record: Record, key: str, value: str) -> Record:
    """The avatar with a trait changed; a changed expression is acted out."""
    changed = record.with_attribute(key, value)
    return replace(changed, expression=respond(changed.attributes)) if key == "expression" else changed


def _alone(record: Record, key: str) -> Signal:
    """One trait of an avatar in words."""
    return _signal(describe(_traits(record), {key}, HALF_TURNED, int(record.seed), style="full"), key)


def _told(record: Record, visible: Tensor) -> Caption:
    """Everything that can be seen of an avatar; avatars of one seed are told in like words."""
    keys = {key for key, seen in zip(KEYS, visible.tolist(), strict=True) if seen}
    return describe(_traits(record), keys, float(record.camera[0, 0]), int(record.seed), style="full")


def _signal(caption: Caption, key: str) -> Signal:
    """The words of a caption, to be judged by what they say of one trait."""
    claims = tuple(mention for mention in caption.mentions if mention.key == key)
    signal: Signal = modalities()[WORDS].signal([caption.text], [claims])
    return signal


def _traits(record: Record) -> dict[str, str]:
    return {key: record.value(key, 0) for key in KEYS}


@torch.no_grad()
def _marks(grader: Grader, judge: Judge, task: Task, made: Tensor) -> Tensor:
    """(5,) the ``MEASURES`` of one picture."""
    look, before = grader.senses.observer(), task.truth.observation.image
    old, new = look(before), look(made)
    success = judge.score(made, task.wish)[0] == 1
    identity = identity_likeness(old, new)[0]
    faithful = success & (identity >= ALIKE)
    marks = (success, identity, faithful, _flipped(old, new, task), _psnr_kept(task, made))
    return torch.stack([mark.double().cpu() for mark in marks])


def _flipped(old: Reading, new: Reading, task: Task) -> Tensor:
    """() share of the other visible traits that read differently."""
    changed = [
        old.log_probability(column).argmax(1) != new.log_probability(column).argmax(1)
        for column in range(len(ATTRIBUTES))
    ]
    others = task.visible.clone()
    others[COLUMN[task.key]] = False
    return torch.cat(changed)[others].double().mean()


def _psnr_kept(task: Task, made: Tensor) -> Tensor:
    """() PSNR in dB over the pixels that the true change leaves as they were."""
    before = task.truth.observation.image
    same = ((task.goal - before).abs() <= SAME).all(1)[0]
    return 10 * torch.log10(RANGE**2 / (made - before)[0][:, same].double().square().mean())


def _figures(marks: Tensor) -> dict[str, Figure]:
    """Each measure of (n, 5) marks with its interval."""
    return {name: mean(column) for name, column in zip(MEASURES, marks.T, strict=True)}


def _values(figures: dict[str, Figure]) -> dict[str, float]:
    return {name: figure.value for name, figure in figures.items()}


def _by_trait(keys: Sequence[str], success: Tensor) -> dict[str, Figure]:
    """Success of the traits that were asked for at least twice."""
    items = {key: [k for k, asked in enumerate(keys) if asked == key] for key in SALIENT}
    return {key: mean(success[chosen]) for key, chosen in items.items() if len(chosen) > 1}
