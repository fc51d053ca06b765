"""Whether a method of editing changes what was asked for, and nothing else."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from math import radians
from random import Random
from typing import Any, Protocol, Self

import torch
from torch import Tensor

from misen.app import checks
from misen.app.evaluate.examination import STRIDE, Examination, standard
from misen.app.evaluate.quality import intervals
from misen.app.evaluate.wording import beside, describe_plainly
from misen.app.model import Model
from misen.app.recall import Recalling, Taught
from misen.assembly import WORDS
from misen.core.errors import LimitError
from misen.core.execution import Execution
from misen.core.judge import Judge
from misen.core.registry import lookup, modalities
from misen.core.signal import Signal
from misen.editing.memory import Memory
from misen.editing.methods.choice import choose
from misen.editing.methods.method import Method
from misen.editing.report import ALIKE
from misen.metrics.fidelity import RANGE
from misen.metrics.grader import Grader
from misen.metrics.identity import identity_likeness
from misen.metrics.report import EditingReport
from misen.metrics.rows import ALONE, Row, Work
from misen.perception.figures import Figure, mean
from misen.perception.reading import Reading
from misen.scene.attributes import ATTRIBUTES, BY_KEY, COLUMN, KEYS
from misen.scene.language.caption import Mention
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
HALF = Execution("bfloat16")
"""How networks are run where some CPUs multiply several times faster."""


class Editor(Protocol):
    """What can be measured: it edits pictures."""

    pictures: str
    """What it edits, as in reports."""

    @property
    def name(self) -> str:
        """As in reports."""
        ...

    @property
    def method(self) -> str | Method:
        """As in reports."""
        ...

    def about(self) -> Mapping[str, Any]:
        """What decides its edits, as JSON values."""
        ...

    def given(self, task: Task) -> Tensor:
        """The picture of the avatar that is edited, (1, 3, H, W) in [-1, 1]."""
        ...

    def edit(self, task: Task, image: Tensor) -> Tensor:
        """That picture as edited, (1, 3, H, W) in [-1, 1]."""
        ...

    def repeat(self, image: Tensor) -> Tensor:
        """(1, 3, H, W) encoded and decoded again."""
        ...


@dataclass(frozen=True)
class Retoucher:
    """A model as an editor of renders.

    It is told the one trait that is to change; a method that has to know what the picture shows is told that, and the
    same description with the trait changed; one that was tuned to make a change is told nothing.

    Attributes:
        model: used with its defaults.
        method: how it edits, see ``Model.edit``.
        strength: of each edit; as usual for the method if left out.
        settings: what else ``Model.edit`` is asked for, such as a guidance scale.
        memory: of what the model learned of the last picture.
        half: edit, and learn where the method does, in bfloat16.
    """

    model: Model
    method: str | Method = "auto"
    strength: float | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    memory: Memory = field(default_factory=Memory, repr=False)
    half: bool = False
    pictures = "renders"
    told = True

    @property
    def name(self) -> str:
        """The model's, and how it was asked to compute."""
        return f"{self.model.name}, bfloat16" if self.half else self.model.name

    def about(self) -> Mapping[str, Any]:
        """The model, the method with all options, and what else it is asked for."""
        weights, method = self.model.opened.sha256, str(choose(self.method, {"picture", "words"}))
        asked = {
            "strength": self.strength,
            "settings": {name: str(value) for name, value in self.settings.items()},
            "pictures": self.pictures,
        }
        return {"model": self.name, "weights": weights, "method": method, **asked}

    def given(self, task: Task) -> Tensor:
        """The renderer's picture."""
        return task.truth.observation.image

    def edit(self, task: Task, image: Tensor) -> Tensor:
        """One edit from the avatar's seed; raises what ``Model.edit`` raises."""
        method = self._informed(choose(self.method, {"picture", "words"}), task)
        settings = {"strength": self.strength, "seed": task.seed, **self._run, **self.settings}
        result = self.model.edit(image, *self._heard(method, task), method=method, memory=self.memory, **settings)
        return result.images[0].tensor[None].cpu()

    def repeat(self, image: Tensor) -> Tensor:
        """An edit with strength 0."""
        return self.model.edit(image, strength=0.0, seed=0, **self._run).images[0].tensor[None].cpu()

    def turned(self, options: Mapping[str, float]) -> Self:
        """With other options of its method, of which the strength counts as one; raises ``InputError``."""
        method = choose(self.method, {"picture", "words"})
        strength = options.get("strength", self.strength)
        rest = {name: value for name, value in options.items() if name != "strength"}
        return replace(self, method=method.of({**method.options(), **rest}), strength=strength)

    @property
    def _run(self) -> Mapping[str, Any]:
        """How networks are run, as settings."""
        return {"accelerate": HALF} if self.half else {}

    def _informed(self, method: Method, task: Task) -> Method:
        """The method, knowing what the picture shows if it has to."""
        return method.of({**method.options(), "source": task.shown}) if "source" in method.options() else method

    def _heard(self, method: Method, task: Task) -> Sequence[Signal]:
        """What the model hears."""
        if not self.told or (isinstance(method, Taught) and "words" not in method.needs):
            return ()
        return (task.retold,) if "source" in method.options() else (task.wish,)


@dataclass(frozen=True)
class Reviser(Retoucher):
    """A model as an editor of its own pictures, which it makes of the avatars' descriptions."""

    pictures = "its own"

    def given(self, task: Task) -> Tensor:
        """A picture of all that can be seen of the avatar, in words."""
        made = self.model.synthesize(task.shown, seed=task.seed, **self._run, **self.settings)
        return made.images[0].tensor[None].cpu()

    def _informed(self, method: Method, task: Task) -> Method:
        """The method, knowing what made the picture if it has a use for that."""
        told: Any = method
        return told.recall(task.shown, task.seed) if isinstance(method, Recalling) else super()._informed(method, task)


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
        shown: what can be seen before and after, in words.
        retold: the same words but for the trait that is changed.
    """

    truth: Truth
    key: str
    changed: Record
    goal: Tensor
    visible: Tensor
    wish: Signal
    shown: str
    retold: Signal

    @property
    def seed(self) -> int:
        """The avatar's."""
        return int(self.truth.record.seed)


def evaluate_editing(
    editor: Editor,
    *,
    n: int = 100,
    seed: int = 0,
    change: str = "",
    examination: Examination | None = None,
    work: Work = ALONE,
) -> EditingReport:
    """Ask for one trait of each of ``n`` avatars to be changed, in words, and let the judge say what became of them.

    Args:
        editor: makes the edits.
        n: edits, at least 2.
        seed: chooses avatars and changes.
        change: one for all, as ``TRAIT=VALUE``; avatars that are so before are passed over.
        examination: the standard one if left out.
        work: by how many processes, and in which journal.

    Raises:
        InputError: ``n`` is too small, the method takes no words, or the journal is about something else.
        NotFoundError: there is no such trait or value.
        LimitError: too few avatars of the seed can be changed so.
        Unreachable: the model cannot follow words.
        StorageError: the journal cannot be written.
    """
    checks.whole(n, "n", 2, checks.COUNT_LIMIT)
    bench = examination or standard()
    orders, about = list(tasks(bench, n, seed, change)), _about(editor, bench, seed, change)
    rows = work.rows(lambda item: _row(editor, bench.grader, orders[item]), n, about, bench.watch)
    marks = torch.tensor([row["marks"] for row in rows], dtype=torch.float64)
    figures, oracle, control = (_figures(one) for one in marks.unbind(1))
    return EditingReport(
        model=editor.name,
        method=str(editor.method),
        pictures=editor.pictures,
        change=change,
        n=n,
        seed=seed,
        ci95=intervals(figures),
        oracle=_values(oracle),
        control=_values(control),
        traits=_by_trait([order.key for order in orders], marks[:, 0, 0]),
        judge=bench.grader.name,
        seconds_per_image=sum(row["seconds"] for row in rows) / n,
        **_values(figures),
    )


def _about(editor: Editor, bench: Examination, seed: int, change: str) -> Mapping[str, Any]:
    """What decides the rows of a measurement."""
    return {"of": "editing", "seed": seed, "change": change, "judge": bench.grader.name, **editor.about()}


def _row(editor: Editor, grader: Grader, task: Task) -> Row:
    """The ``MEASURES`` of an edit, of the renderer's own and of the picture encoded and decoded, and its seconds."""
    image, began = editor.given(task), time.perf_counter()
    made = editor.edit(task, image)
    seconds = time.perf_counter() - began
    shown = (image, made), (task.truth.observation.image, task.goal), (image, editor.repeat(image))
    marks = [_marks(grader, grader.judge(WORDS), task, *pair).tolist() for pair in shown]
    return {"marks": marks, "seconds": seconds}


def tasks(bench: Examination, n: int, seed: int, change: str = "") -> Iterator[Task]:
    """``n`` edits to be made, of one kind if there is a ``change``."""
    if not change:
        found = (task_of(truth) for truth in _one_by_one(bench, n, seed))
    else:
        key, value = read_change(change)
        asked = (ask(truth, key, value) for truth in _one_by_one(bench, STRIDE, seed))
        found = (task for task in asked if task is not None)
    done = 0
    for task in islice(found, n):
        done += 1
        yield task
    if done < n:
        hint = f"ask for at most {done}"
        raise LimitError(f"of the avatars of one seed {done} can be changed to {change}", field="n", hint=hint)


def _one_by_one(bench: Examination, n: int, seed: int) -> Iterator[Truth]:
    """``n`` avatars."""
    parts = replace(bench, watch=lambda _: None).truths(n, seed)
    return (truths[item : item + 1] for truths in parts for item in range(len(truths)))


def read_change(change: str) -> tuple[str, str]:
    """The trait and the value of ``TRAIT=VALUE``; raises ``NotFoundError`` if the world has none such."""
    key, _, value = change.partition("=")
    return lookup("trait", key, BY_KEY), lookup(key, value, BY_KEY[key].values)


def task_of(truth: Truth) -> Task:
    """A change of one avatar that can be seen before and after, chosen by the avatar's seed."""
    rng, before = Random(int(truth.record.seed)), truth.observation.attributes_visible[0]
    keys = [key for key in SALIENT if before[COLUMN[key]]]
    for key in rng.sample(keys, len(keys)):
        value = rng.choice([value for value in BY_KEY[key].values if value != truth.record.value(key, 0)])
        if task := ask(truth, key, value):
            return task
    raise AssertionError("a background, a shirt or a head can always be changed")


def ask(truth: Truth, key: str, value: str) -> Task | None:
    """One change of one avatar; None if it is so already, or the trait cannot be seen before and after."""
    before = truth.observation.attributes_visible[0]
    if not before[COLUMN[key]] or truth.record.value(key, 0) == value:
        return None
    changed = _with(truth.record, key, value)
    seen = observe(changed, truth.observation.image.shape[-1])
    after = seen.attributes_visible[0]
    if not after[COLUMN[key]]:
        return None
    both = before & after
    shown, retold = _told(truth.record, both, key, before), _told(changed, both, key, after)
    return Task(truth, key, changed, seen.image, both, _alone(changed, key), shown, _signal(retold, key, value))


def _with(record: Record, key: str, value: str) -> Record:
    """The avatar with a trait changed; a changed expression is acted out."""
    changed = record.with_attribute(key, value)
    return replace(changed, expression=respond(changed.attributes)) if key == "expression" else changed


def _alone(record: Record, key: str) -> Signal:
    """One trait of an avatar in words."""
    caption = describe(_traits(record), {key}, HALF_TURNED, int(record.seed), style="full")
    return _signal(caption.text, key, record.value(key, 0))


def _told(record: Record, both: Tensor, key: str, visible: Tensor) -> str:
    """What can be seen of an avatar before and after, with what can be seen now of the part whose trait changes."""
    seen = {name for name in KEYS if both[COLUMN[name]] or (name in beside(key) and visible[COLUMN[name]])}
    return describe_plainly(_traits(record), seen, float(record.camera[0, 0]))


def _signal(words: str, key: str, value: str) -> Signal:
    """Words that are judged by what they claim of one trait."""
    signal: Signal = modalities()[WORDS].signal([words], [(Mention(key, value),)])
    return signal


def _traits(record: Record) -> dict[str, str]:
    return {key: record.value(key, 0) for key in KEYS}


@torch.no_grad()
def _marks(grader: Grader, judge: Judge, task: Task, before: Tensor, made: Tensor) -> Tensor:
    """(5,) the ``MEASURES`` of one picture and what became of it."""
    look = grader.senses.observer()
    old, new = look(before), look(made)
    success = judge.score(made, task.wish)[0] == 1
    identity = identity_likeness(old, new)[0]
    faithful = success & (identity >= ALIKE)
    marks = (success, identity, faithful, flipped(old, new, task), _psnr_kept(task, before, made))
    return torch.stack([mark.double().cpu() for mark in marks])


def flipped(old: Reading, new: Reading, task: Task) -> Tensor:
    """() share of the other visible traits that read differently."""
    changed = [
        old.log_probability(column).argmax(1) != new.log_probability(column).argmax(1)
        for column in range(len(ATTRIBUTES))
    ]
    others = task.visible.clone()
    others[COLUMN[task.key]] = False
    return torch.cat(changed)[others].double().mean()


def _psnr_kept(task: Task, before: Tensor, made: Tensor) -> Tensor:
    """() PSNR in dB over the pixels that the true change leaves as they were."""
    same = ((task.goal - task.truth.observation.image).abs() <= SAME).all(1)[0]
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
