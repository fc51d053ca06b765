"""Curves: what becomes of pictures as a dial of a method of editing is turned, from keeping them to making others."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol, Self

import torch
from torch import Tensor
from torch.nn import functional

from misen.app import checks
from misen.app.evaluate.editing import Editor, Retoucher, Task, flipped, tasks
from misen.app.evaluate.examination import Examination, standard
from misen.app.model import Model
from misen.assembly import WORDS
from misen.core.errors import InputError
from misen.editing.methods.choice import choose
from misen.editing.report import ALIKE
from misen.metrics.class_maps import confusion, mean_iou
from misen.metrics.fidelity import psnr
from misen.metrics.grader import Grader
from misen.metrics.identity import identity_likeness
from misen.metrics.precision_recall import DENSE, in_deviations, neighbourhoods
from misen.metrics.report import CurveControl, CurvePoint, CurveReport
from misen.metrics.rows import ALONE, Row, Work
from misen.metrics.trend import trend
from misen.perception.figures import Figure, mean
from misen.scene.anatomy import CLASSES
from misen.scene.truth import Truth
from misen.synthesis.project import low_pass

COARSE = 8
"""Pixels: what is coarser counts in ``residual``, where the dial is not such a number itself."""


@dataclass(frozen=True)
class Dial:
    """What is turned between the points of a curve.

    Attributes:
        option: of the method, or "strength".
        values: from keeping the picture to making another, at least two.
        control: options under which the method must do worse than at one of the values.
        against: that value.
    """

    option: str
    values: Sequence[float]
    control: Mapping[str, float] = field(default_factory=dict)
    against: float = 0.0

    @classmethod
    def parse(cls, argument: str) -> Self:
        """``option=value,value,...``; raises ``InputError`` for anything else."""
        option, _, values = argument.partition("=")
        try:
            numbers = [int(value) if value.strip().isdecimal() else float(value) for value in values.split(",")]
        except ValueError:
            numbers = []
        if not option or len(numbers) < 2:
            hint = "for example strength=0.3,0.6,0.9"
            raise InputError(f"a dial is an option and at least two values, got {argument!r}", field="dial", hint=hint)
        return cls(option, numbers)


DIALS: Mapping[str, Dial] = {
    "sdedit": Dial("strength", (0.2, 0.35, 0.5, 0.65, 0.8, 1.0)),
    "ilvr": Dial("factor", (8, 16, 32)),
    "sine": Dial("until", (0.2, 0.4, 0.6, 0.8, 1.0), {"since": 0.6, "until": 1.0}, 0.4),
    "imagic": Dial("eta", (0.0, 0.2, 0.4, 0.6, 0.7, 0.8, 1.0)),
    "diffusionclip": Dial("share", (0.0, 0.25, 0.5, 0.75, 1.0)),
    "styleclip": Dial("near", (0.2, 0.04, 0.008), {"near": 0.0, "identity": 0.0}, 0.008),
    "styleclip-mapper": Dial("share", (0.0, 0.25, 0.5, 0.75, 1.0, 1.5)),
    "styleclip-direction": Dial("alpha", (0.0, 1.0, 2.0, 4.0, 6.0, 8.0)),
}
"""The usual dial of a method. The control of ``sine`` guides late for as long as its second point guides early, that of
``styleclip`` is held by nothing."""
WORDLESS = ("sdedit", "ilvr")
"""Methods that are measured on paintings, with nothing said of them."""


class Turnable(Editor, Protocol):
    """An editor whose method has dials."""

    told: bool
    """Whether it is told what to change."""

    def turned(self, options: Mapping[str, float]) -> Self:
        """The same with other options of its method; raises ``InputError``."""
        ...


class Finisher(Retoucher):
    """A model as an editor that finishes paintings, told nothing."""

    pictures = "paintings"
    told = False

    def given(self, task: Task) -> Tensor:
        """The avatar's parts, each in its mean color."""
        return painted(task.truth)


def painted(truth: Truth) -> Tensor:
    """(B, 3, H, W) the parts of avatars, each in its mean color."""
    parts = functional.one_hot(truth.observation.segmentation.long(), len(CLASSES)).movedim(-1, 1).float()
    colors = torch.einsum("bchw,bkhw->bkc", truth.observation.image, parts) / parts.sum((2, 3)).clamp_min(1)[..., None]
    return torch.einsum("bkc,bkhw->bchw", colors, parts)


def turnable(model: Model, method: str, **settings: Any) -> Retoucher:
    """A model as an editor whose curve is of interest; ``settings`` as of a ``Retoucher``, raises ``InputError``."""
    kind = Finisher if _name(method) in WORDLESS else Retoucher
    return kind(model, method, **settings)


def usual_dial(method: str) -> Dial:
    """What is turned when nobody says; raises ``InputError`` for methods without such."""
    name = _name(method)
    if name not in DIALS:
        raise InputError(f"{name} has no usual dial", field="dial", hint="name one, such as strength=0.3,0.6,0.9")
    return DIALS[name]


def _name(method: str) -> str:
    return choose(method, {"picture", "words"}).name


def evaluate_curve(
    editor: Turnable,
    dial: Dial,
    *,
    n: int = 100,
    seed: int = 0,
    change: str = "",
    examination: Examination | None = None,
    work: Work = ALONE,
) -> CurveReport:
    """Edit ``n`` pictures at every point of a dial, and let the judge say what became of them.

    Args:
        editor: makes the edits.
        dial: what is turned.
        n: pictures, at least 6.
        seed: chooses avatars and changes.
        change: as of ``evaluate_editing``.
        examination: the standard one if left out.
        work: by how many processes, and in which journal.

    Raises:
        InputError: ``n`` is too small, the method has no such dial or value, or the journal is about something else.
        Unreachable: the model cannot edit so.
        StorageError: the journal cannot be written.
    """
    checks.whole(n, "n", DENSE + 1, checks.COUNT_LIMIT)
    bench = examination or standard()
    points = [editor.turned({dial.option: value}) for value in dial.values]
    points += [editor.turned(dial.control)] if dial.control else []
    orders, about = list(tasks(bench, n, seed, change)), _about(editor, dial, bench, seed, change)
    rows = work.rows(lambda item: _row(points, dial, bench.grader, orders[item]), n, about, bench.watch)
    marks = {name: _column([row["marks"][name] for row in rows]) for name in rows[0]["marks"]}
    marks["realism"] = _realism(bench, torch.tensor([row["looks"] for row in rows]))
    return _report(editor, dial, marks, bench, seed, change, sum(row["seconds"] for row in rows))


def _about(editor: Turnable, dial: Dial, bench: Examination, seed: int, change: str) -> Mapping[str, Any]:
    """What decides the rows of a measurement."""
    asked = {"dial": asdict(dial), "seed": seed, "change": change}
    return {"of": "curve", **asked, "judge": bench.grader.name, **editor.about()}


def _column(marks: Sequence[Sequence[float]]) -> Tensor:
    """(n, P) float64."""
    return torch.tensor(marks, dtype=torch.float64)


def _row(points: Sequence[Turnable], dial: Dial, grader: Grader, task: Task) -> Row:
    """Of one picture by point: each measure, and the appearance of what was made; and the seconds of all edits."""
    editor, began = points[0], time.perf_counter()
    given = editor.given(task)
    made = torch.cat([point.edit(task, given) for point in points])
    seconds = time.perf_counter() - began
    asked = _asked(grader, task, given, made) if editor.told else {}
    marks = asked | _marks(grader, given, made, _cut_offs(dial, len(points)))
    looks = grader.survey(made).appearance.tolist()
    return {"marks": {name: mark.tolist() for name, mark in marks.items()}, "looks": looks, "seconds": seconds}


def _cut_offs(dial: Dial, points: int) -> Sequence[int]:
    """Pixels that ``residual`` looks at, by point."""
    return [int(value) for value in dial.values] if dial.option == "factor" else [COARSE] * points


@torch.no_grad()
def _asked(grader: Grader, task: Task, given: Tensor, made: Tensor) -> dict[str, Tensor]:
    """(P,) of each measure of what was asked of P edits of one picture, as in ``EditingReport``."""
    look = grader.senses.observer()
    old, readings = look(given), [look(one[None]) for one in made]
    success = grader.judge(WORDS).score(made, task.wish[torch.zeros(len(made), dtype=torch.int64)]) == 1
    alike = torch.cat([identity_likeness(old, new) for new in readings]) >= ALIKE
    flips = torch.stack([flipped(old, new, task) for new in readings])
    return {"success": success.double().cpu(), "faithful": (success & alike).double().cpu(), "flipped": flips.cpu()}


@torch.no_grad()
def _marks(grader: Grader, given: Tensor, made: Tensor, cut_offs: Sequence[int]) -> dict[str, Tensor]:
    """(P,) of each measure of how P edits differ from one picture."""
    look, many = grader.senses.observer(), given.expand_as(made)
    old, new = look(given), look(made)
    coarse = [low_pass(one[None] - given, factor) for one, factor in zip(made, cut_offs, strict=True)]
    marks = {
        "identity": identity_likeness(old, new),
        "structure": torch.stack([_overlap(parts, old.segmentation[0]) for parts in new.segmentation]),
        "psnr": psnr(made, many),
        "difference": _size(made - many),
        "lpips_a": grader.lpips()(made, many),
        "residual": torch.cat([_size(part) for part in coarse]),
    }
    return {name: mark.double().cpu() for name, mark in marks.items()}


def _overlap(first: Tensor, second: Tensor) -> Tensor:
    """() mean IoU of the parts in two pictures, from scores (K, H, W) of their classes."""
    return torch.tensor(mean_iou(confusion(first.argmax(0), second.argmax(0), len(CLASSES))))


def _size(pictures: Tensor) -> Tensor:
    """(B,) root mean squares."""
    return pictures.square().mean((1, 2, 3)).sqrt()


def _realism(bench: Examination, looks: Tensor) -> Tensor:
    """(n, P) whether each of (n, P, D) appearances lies among real ones, as of precision-A."""
    near = neighbourhoods(*in_deviations(bench.reference.appearance, looks.flatten(0, 1)))
    return near.precision.view(looks.shape[:2])


def _report(
    editor: Turnable,
    dial: Dial,
    marks: Mapping[str, Tensor],
    bench: Examination,
    seed: int,
    change: str,
    seconds: float,
) -> CurveReport:
    """The figures of marks (n, P), of which the last point is the control if there is one."""
    count, (n, edits) = len(dial.values), marks["realism"].shape
    along = {name: values[:, :count] for name, values in marks.items()}
    return CurveReport(
        model=editor.name,
        method=str(editor.method),
        pictures=editor.pictures,
        dial=dial.option,
        change=change,
        n=n,
        seed=seed,
        points=tuple(CurvePoint(value=value, figures=_figures(marks, k)) for k, value in enumerate(dial.values)),
        trends={name: trend(values) for name, values in along.items()},
        control=_control(dial, marks) if dial.control else None,
        judge=bench.grader.name,
        seconds_per_image=seconds / (n * edits),
    )


def _figures(marks: Mapping[str, Tensor], point: int) -> dict[str, Figure]:
    return {name: mean(values[:, point]) for name, values in marks.items()}


def _control(dial: Dial, marks: Mapping[str, Tensor]) -> CurveControl:
    """The last point, and how much more of everything there is at the point it is compared with."""
    at = list(dial.values).index(dial.against)
    gains = {name: mean(values[:, at] - values[:, -1]) for name, values in marks.items()}
    return CurveControl(options=dial.control, figures=_figures(marks, -1), against=dial.against, gains=gains)
