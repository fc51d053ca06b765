"""Whether points that are dragged get where they should be, and everything stays where nothing may change.

Heads of the test range are shown in another pose and with another expression, and landmarks of them are dragged to
where the world puts them. What the renderer's own picture of that alters, and a margin around it, is what may change.

Source: Pan et al. 2023, DragGAN (arXiv:2305.10973), section 4.2, for landmarks of two pictures of one face as the ways.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional

from misen.app import checks
from misen.app.evaluate.editing import HALF, SAME
from misen.app.evaluate.examination import STRIDE, Examination, standard
from misen.app.evaluate.quality import intervals
from misen.app.model import Model
from misen.core.errors import LimitError
from misen.core.registry import modalities
from misen.core.signal import Signal
from misen.editing.methods.choice import choose
from misen.metrics.capabilities import Departing
from misen.metrics.grader import Grader
from misen.metrics.identity import identity_likeness
from misen.metrics.report import DragReport
from misen.metrics.rows import ALONE, Row, Work
from misen.perception.figures import Figure, mean, ratio
from misen.scene.observe import observe

MODALITY = "drag"
MARGIN = 3
"""Pixels around what the true change alters that may change as well."""
FAR = 4 / 64
"""Mean length of the ways, in picture widths, from which a head counts: the judge errs by about a pixel of 64."""
MEASURES = ("covered", "outside_lpips_a", "identity")


@dataclass(frozen=True)
class Pull:
    """One drag to be made.

    Attributes:
        image: (1, 3, H, W) in [-1, 1], the picture before.
        goal: (1, 3, H, W), the renderer's picture after.
        wish: where some landmarks should be.
        length: mean length of the ways, in picture widths.
        mask: (1, 1, H, W), 1 = may change.
        seed: the avatar's.
    """

    image: Tensor
    goal: Tensor
    wish: Signal
    length: float
    mask: Tensor
    seed: int


class Dragging(Protocol):
    """What can be measured: it drags."""

    @property
    def name(self) -> str:
        """As in reports."""
        ...

    @property
    def method(self) -> str:
        """As in reports."""
        ...

    def about(self) -> Mapping[str, Any]:
        """What decides its edits, as JSON values."""
        ...

    def drag(self, pull: Pull) -> Tensor:
        """The picture after, (1, 3, H, W) in [-1, 1]."""
        ...

    def repeat(self, image: Tensor) -> Tensor:
        """(1, 3, H, W) encoded and decoded again."""
        ...


@dataclass(frozen=True)
class Dragger:
    """A model that drags.

    Attributes:
        model: used with its defaults.
        method: how it edits, see ``Model.edit``.
        strength: of each edit; as usual for the method if left out.
        settings: what else ``Model.edit`` is asked for, such as a number of steps.
        half: edit in bfloat16.
    """

    model: Model
    method: str = MODALITY
    strength: float | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    half: bool = False

    @property
    def name(self) -> str:
        """The model's, and how it was asked to compute."""
        return f"{self.model.name}, bfloat16" if self.half else self.model.name

    def about(self) -> Mapping[str, Any]:
        """The model, the method with all options, and what else it is asked for."""
        asked = {"strength": self.strength, "settings": {name: str(value) for name, value in self.settings.items()}}
        method = str(choose(self.method, {"picture", "mask"}))
        return {"model": self.name, "weights": self.model.opened.sha256, "method": method, **asked}

    def drag(self, pull: Pull) -> Tensor:
        """One edit from the avatar's seed; raises what ``Model.edit`` raises."""
        asked = {"mask": pull.mask, "method": self.method, "strength": self.strength, "seed": pull.seed}
        return self._edited(pull.image, pull.wish, **asked, **self.settings)

    def repeat(self, image: Tensor) -> Tensor:
        """An edit with strength 0."""
        return self._edited(image, strength=0.0, seed=0)

    def _edited(self, image: Tensor, *wishes: Signal, **settings: Any) -> Tensor:
        run = {"accelerate": HALF} if self.half else {}
        return self.model.edit(image, *wishes, **run, **settings).images[0].tensor[None].cpu()


def evaluate_drags(
    dragger: Dragging, *, n: int = 100, seed: int = 0, examination: Examination | None = None, work: Work = ALONE
) -> DragReport:
    """Drag landmarks of ``n`` heads to where they belong, and let the judge say what became of them.

    Args:
        dragger: makes the edits.
        n: edits, at least 2.
        seed: chooses the avatars.
        examination: the standard one if left out.
        work: by how many processes, and in which journal.

    Raises:
        InputError: ``n`` is too small, or the journal is about something else.
        LimitError: too few heads of the seed move.
        Unreachable: nothing can be dragged in pictures of the model.
        StorageError: the journal cannot be written.
    """
    checks.whole(n, "n", 2, checks.COUNT_LIMIT)
    bench = examination or standard()
    about = {"of": "drags", "seed": seed, "judge": bench.grader.name, **dragger.about()}
    orders = list(pulls(bench, n, seed))
    rows = work.rows(lambda item: _row(dragger, bench.grader, orders[item]), n, about, bench.watch)
    marks, lengths = (torch.tensor([row[name] for row in rows], dtype=torch.float64) for name in ("marks", "length"))
    figures, oracle, control = (_figures(one, lengths) for one in marks.unbind(1))
    return DragReport(
        model=dragger.name,
        method=str(dragger.method),
        n=n,
        seed=seed,
        ci95=intervals(figures),
        oracle=_values(oracle),
        control=_values(control),
        judge=bench.grader.name,
        seconds_per_image=sum(row["seconds"] for row in rows) / n,
        **_values(figures),
    )


def pulls(bench: Examination, n: int, seed: int) -> Iterator[Pull]:
    """``n`` drags to be made, of heads of which some landmark moves far enough."""
    done = 0
    for pull in islice(_moving(bench, seed), n):
        done += 1
        yield pull
    if done < n:
        hint = f"ask for at most {done}"
        raise LimitError(f"of the avatars of one seed {done} can be dragged", field="n", hint=hint)


def _moving(bench: Examination, seed: int) -> Iterator[Pull]:
    kind: type[Departing] = modalities()[MODALITY].signal
    for truth in replace(bench, watch=lambda _: None).truths(STRIDE, seed):
        ways = kind.observe(truth, truth.record.seed)
        [far] = (ways.lengths() >= FAR).nonzero(as_tuple=True)
        for item in far.tolist():
            one = slice(item, item + 1)
            goal = truth.observation.image[one]
            image = observe(kind.before(truth.record[one]), goal.shape[-1]).image
            length, avatar = float(ways.lengths()[item]), int(truth.record.seed[item])
            yield Pull(image, goal, ways[one], length, _altered(image, goal), avatar)


def _altered(images: Tensor, goals: Tensor) -> Tensor:
    """(B, 1, H, W): where pictures differ, and ``MARGIN`` around."""
    differing = ((goals - images).abs() > SAME).any(1, keepdim=True).float()
    return functional.max_pool2d(differing, 2 * MARGIN + 1, 1, MARGIN)


def _row(dragger: Dragging, grader: Grader, pull: Pull) -> Row:
    """The ``MEASURES`` of an edit, of the renderer's own and of the picture encoded and decoded, and its seconds."""
    began = time.perf_counter()
    made = dragger.drag(pull)
    seconds = time.perf_counter() - began
    ends = (made, pull.goal, dragger.repeat(pull.image))
    return {"marks": [_marks(grader, pull, end).tolist() for end in ends], "length": pull.length, "seconds": seconds}


@torch.no_grad()
def _marks(grader: Grader, pull: Pull, made: Tensor) -> Tensor:
    """(3,) the ``MEASURES`` of what became of a picture."""
    judge: Any = grader.judge(MODALITY)
    look, around = grader.senses.observer(), torch.where(pull.mask > 0, pull.image, made)
    marks = (
        judge.compare(pull.image, made, pull.wish),
        grader.lpips()(pull.image, around),
        identity_likeness(look(pull.image), look(made)),
    )
    return torch.cat([mark.double().cpu() for mark in marks])


def _figures(marks: Tensor, lengths: Tensor) -> dict[str, Figure]:
    """Each measure of (n, 3) marks with its interval; what is covered counts by the length (n,) of the ways."""
    covered, *others = marks.T
    figures = {name: mean(column) for name, column in zip(MEASURES[1:], others, strict=True)}
    return {MEASURES[0]: ratio((covered * lengths)[:, None], lengths[:, None]), **figures}


def _values(figures: Mapping[str, Figure]) -> dict[str, float]:
    return {name: figure.value for name, figure in figures.items()}
