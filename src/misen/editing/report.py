"""What an edit did: whether the wishes came true, what was kept, where the picture changed and what else changed.

Everything is measured by networks that never steer, on the picture before and after, at 64 pixels. A model that shows a
picture through an autoencoder changes it a little even when it edits nothing; so every figure stands beside the same
figure of the picture encoded and decoded again, the *control*.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch
from torch import Tensor

from misen.core.image import resize
from misen.core.judge import Comparing, Itemizing, Judge
from misen.core.signal import Signal
from misen.editing.traits import ENOUGH, area, tellable
from misen.metrics.grader import Grader
from misen.metrics.identity import identity_likeness
from misen.metrics.report import Report
from misen.perception.reading import Reading
from misen.perception.senses import SIZE
from misen.scene.anatomy import CLASSES, LANDMARKS
from misen.scene.attributes import ATTRIBUTES

LEVELS = 127.5
"""Levels of 255 in one unit of a picture in [-1, 1]."""
CHANGED = 16.0
"""Levels by which a pixel's channels must change on average to count as changed."""
SURE = 0.8
"""Probability from which a trait that nobody asked for counts as read."""
MOVED = 2.0
"""Pixels at 64 px by which a landmark must move to be named."""
HALFWAY = 0.5
"""Share of the way to a perfect score that a wish without named traits must come to be achieved."""
ALIKE, SAME_PLACE, TINTED = 0.7, 0.7, 4.0
"""Kept: least cosine of identities and least IoU of parts, and most levels that a background may change over the
control's."""
MEASURED_BY: Mapping[str, str] = {
    "identity": "cosine of the judge's identities, 1 = the same person",
    "layout": "mean IoU of the parts the judge sees, outside what was asked for",
    "background": "mean change of the background outside what was asked for, in levels of 255",
    "psnr": "PSNR outside what was asked for, in dB",
    "lpips_a": "perceptual distance of the whole picture in the judge's features",
    "share": f"share of the pixels whose channels changed by more than {CHANGED:g} levels on average",
    "yaw": "turn of the head in degrees, positive to the right of the picture",
    "pitch": "nod of the head in degrees, positive upwards",
    "shift": "mean way of the landmarks visible in both, in pixels at 64",
}
"""What each figure of a :class:`Difference` is."""


@dataclass(frozen=True)
class Trait:
    """One trait that a wish names.

    Attributes:
        key: the trait.
        wanted: the value asked for.
        before: what the judge saw.
        seen: what the judge sees now.
        right: whether that is as wanted.
    """

    key: str
    wanted: str
    before: str
    seen: str
    right: bool


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one wish.

    Attributes:
        modality: of the signal.
        asked: the signal in words.
        metric: what its judge measures.
        unit: of the scores, "" for fractions.
        before: score of the picture that was edited; NaN where the judge can say nothing.
        control: score of that picture encoded and decoded again.
        after: score of the edited picture.
        already: whether every trait that it names was so before.
        achieved: whether it is now: every named trait is right or, where a wish names none, the score has come half the
            way from before to perfect; None where the judge can say nothing.
        traits: what the wish names.
    """

    modality: str
    asked: str
    metric: str
    unit: str
    before: float
    control: float
    after: float
    already: bool
    achieved: bool | None
    traits: tuple[Trait, ...]


@dataclass(frozen=True)
class Flip:
    """A trait nobody asked for that reads differently, with a probability of at least ``SURE`` in both pictures."""

    key: str
    before: str
    after: str


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What the judge makes of two pictures; ``MEASURED_BY`` says what each figure is.

    Attributes:
        identity: cosine in [-1, 1].
        layout: in [0, 1]; NaN where all parts may change.
        background: levels of 255; NaN where no background had to stay.
        psnr: dB; infinite where nothing changed.
        lpips_a: >= 0.
        share: in [0, 1].
        yaw: degrees.
        pitch: degrees.
        shift: pixels.
        moved: landmarks that moved by more than ``MOVED`` pixels.
        flipped: traits nobody asked for.
    """

    identity: float
    layout: float
    background: float
    psnr: float
    lpips_a: float
    share: float
    yaw: float
    pitch: float
    shift: float
    moved: tuple[str, ...]
    flipped: tuple[Flip, ...]


@dataclass(frozen=True)
class Area:
    """Where an edited picture is unlike the picture before and unlike the control.

    Attributes:
        share: of all pixels.
        parts: share of each changed part's pixels, those with most changed pixels first.
        size: height and width of the mask.
        runs: lengths of the mask's runs row by row, the first of unchanged pixels (possibly 0).
    """

    share: float
    parts: Mapping[str, float]
    size: tuple[int, int]
    runs: tuple[int, ...]

    def mask(self) -> Tensor:
        """(H, W) bool."""
        values = torch.arange(len(self.runs)) % 2 == 1
        return values.repeat_interleave(torch.tensor(self.runs)).view(self.size)


@dataclass(frozen=True, kw_only=True)
class EditReport(Report):
    """What an edit did to one picture.

    Attributes:
        judge: name and hash of the network that looked.
        wishes: what became of each.
        kept: whether "identity", "layout" and "background" are; those that could not be kept are left out.
        edit: the edited picture against the one before.
        control: the one before, encoded and decoded again, against itself.
        area: where the picture changed.
    """

    judge: str
    wishes: tuple[Outcome, ...]
    kept: Mapping[str, bool]
    edit: Difference
    control: Difference
    area: Area

    def to_json(self) -> dict[str, Any]:
        """Every field by its name, and what each figure is measured by."""
        return {**super().to_json(), "measured_by": dict(MEASURED_BY)}

    def lines(self) -> list[str]:
        """The report for a person."""
        return [*_told_wishes(self.wishes), *_told_figures(self), *_told_rest(self), f"judged by {self.judge}"]


@torch.no_grad()
def report_edit(
    grader: Grader,
    before: Tensor,
    after: Tensor,
    control: Tensor,
    wishes: Sequence[Signal],
    mask: Tensor | None = None,
) -> EditReport:
    """Compare a picture with what an edit made of it.

    Args:
        grader: the judge's networks.
        before: (1, 3, H, W) in [-1, 1].
        after: (1, 3, H, W), edited.
        control: (1, 3, H, W), ``before`` encoded and decoded again by the model.
        wishes: signals of one item each.
        mask: (1, 1, H, W) in [0, 1], 1 = was to be repainted.
    """
    looks = [_Look.at(grader, image) for image in (before, after, control)]
    old, new, same = looks
    outcomes = tuple(_outcome(grader.judge(wish.modality), looks, wish) for wish in wishes)
    asked = {trait.key for outcome in outcomes for trait in outcome.traits}
    free = _free(old, new, outcomes, mask)
    edit, untouched = (_difference(grader, old, other, free, asked) for other in (new, same))
    changed = _changed(new, old, same)
    return EditReport(
        judge=grader.name,
        wishes=outcomes,
        kept=_kept(edit, untouched),
        edit=edit,
        control=untouched,
        area=_area(changed, old, new),
    )


@dataclass(frozen=True)
class _Look:
    """One picture at 64 px, as the judge sees it."""

    image: Tensor
    """(1, 3, 64, 64)."""
    reading: Reading
    parts: Tensor
    """(64, 64) class of each pixel."""
    values: tuple[str, ...]
    """Likeliest value of each trait."""
    sure: tuple[bool, ...]
    """Whether it can be told, and is likely enough."""

    @classmethod
    def at(cls, grader: Grader, image: Tensor) -> _Look:
        small = resize(image, SIZE)
        reading = grader.senses.observer()(small)
        parts = reading.segmentation[0].argmax(0)
        best = [reading.log_probability(column)[0].max(0) for column in range(len(ATTRIBUTES))]
        values = tuple(a.values[int(at)] for a, (_, at) in zip(ATTRIBUTES, best, strict=True))
        sure = (can and float(likely) >= math.log(SURE) for can, (likely, _) in zip(tellable(parts), best, strict=True))
        return cls(small, reading, parts, values, tuple(sure))


def _outcome(judge: Judge, looks: Sequence[_Look], wish: Signal) -> Outcome:
    """What became of a wish, from the pictures before, after and untouched."""
    before, after, control = (_score(judge, looks[0], look, wish) for look in looks)
    traits = _traits(judge, looks, wish)
    return Outcome(
        modality=wish.modality,
        asked=wish.describe()[0],
        metric=judge.metric,
        unit=judge.unit,
        before=before,
        control=control,
        after=after,
        already=bool(traits) and before == 1,
        achieved=all(trait.right for trait in traits) if traits else _approached(judge, before, after),
        traits=traits,
    )


def _score(judge: Judge, old: _Look, look: _Look, wish: Signal) -> float:
    """The score of a picture, beside the one it was made of if the judge asks for that."""
    if isinstance(judge, Comparing):
        return float(judge.compare(old.image, look.image, wish))
    return float(judge.score(look.image, wish))


def _traits(judge: Judge, looks: Sequence[_Look], wish: Signal) -> tuple[Trait, ...]:
    if not isinstance(judge, Itemizing):
        return ()
    [was], [now] = (judge.findings(look.image, wish) for look in looks[:2])
    return tuple(Trait(b.key, b.wanted, a.seen, b.seen, b.right) for a, b in zip(was, now, strict=True))


def _approached(judge: Judge, before: float, after: float) -> bool | None:
    """Whether a score came half the way to perfect; None where there is none."""
    if math.isnan(after):
        return None
    perfect = 1.0 if judge.higher_is_better else 0.0
    return abs(perfect - after) <= HALFWAY * abs(perfect - before)


def _free(old: _Look, new: _Look, outcomes: Sequence[Outcome], mask: Tensor | None) -> Tensor:
    """(64, 64) bool: where change was asked for; nowhere in particular if a wish does not say where."""
    if mask is not None:
        return resize(mask, SIZE)[0, 0] > 0
    if not all(outcome.traits for outcome in outcomes):
        return torch.zeros_like(old.parts, dtype=torch.bool)
    return area({trait.key for outcome in outcomes for trait in outcome.traits}, old.parts, new.parts)


def _difference(grader: Grader, old: _Look, new: _Look, free: Tensor, asked: set[str]) -> Difference:
    kept, levels = ~free, _levels(new, old)
    ground = kept & (old.parts == 0) & (new.parts == 0)
    way, moved = _ways(old, new)
    yaw, pitch = _turn(old, new)
    return Difference(
        identity=float(identity_likeness(old.reading, new.reading)),
        layout=_layout(old.parts, new.parts, kept),
        background=float(levels[ground].mean()),
        psnr=float(-10 * torch.log10((new.image - old.image)[0][:, kept].square().mean() / 4)),
        lpips_a=float(grader.lpips()(old.image, new.image)),
        share=float((levels > CHANGED).float().mean()),
        yaw=yaw,
        pitch=pitch,
        shift=way,
        moved=moved,
        flipped=tuple(flip for flip in _flips(old, new) if flip.key not in asked),
    )


def _levels(new: _Look, old: _Look) -> Tensor:
    """(64, 64) mean change of the channels in levels of 255."""
    return (new.image - old.image)[0].abs().mean(0) * LEVELS


def _changed(new: _Look, *references: _Look) -> Tensor:
    """(64, 64) bool: pixels unlike those of every reference."""
    return torch.stack([_levels(new, reference) > CHANGED for reference in references]).all(0)


def _layout(old: Tensor, new: Tensor, kept: Tensor) -> float:
    """Mean IoU over the parts that either picture shows where it had to stay."""
    pairs = [((old == number) & kept, (new == number) & kept) for number in range(len(CLASSES))]
    shown = [(a, b) for a, b in pairs if max(int(a.sum()), int(b.sum())) >= ENOUGH]
    overlaps = [float((a & b).sum() / (a | b).sum()) for a, b in shown]
    return sum(overlaps) / len(overlaps) if overlaps else math.nan


def _ways(old: _Look, new: _Look) -> tuple[float, tuple[str, ...]]:
    """Mean way of the landmarks that both pictures show, and the names of those that moved."""
    both = ((old.reading.landmarks_visible > 0) & (new.reading.landmarks_visible > 0))[0]
    way = SIZE * (new.reading.landmarks - old.reading.landmarks)[0].norm(dim=1)
    moved = (both & (way > MOVED)).nonzero()[:, 0].tolist()
    return float(way[both].mean()), tuple(LANDMARKS[index] for index in moved)


def _turn(old: _Look, new: _Look) -> tuple[float, float]:
    """Yaw and pitch in degrees, the short way round."""
    angle = (new.reading.camera - old.reading.camera)[0, :2]
    yaw, pitch = torch.rad2deg(torch.remainder(angle + math.pi, 2 * math.pi) - math.pi).tolist()
    return yaw, pitch


def _flips(old: _Look, new: _Look) -> Iterator[Flip]:
    """Traits that both pictures show and that read differently."""
    for attribute, before, after, was, now in zip(ATTRIBUTES, old.values, new.values, old.sure, new.sure, strict=True):
        if was and now and before != after:
            yield Flip(attribute.key, before, after)


def _kept(edit: Difference, control: Difference) -> dict[str, bool]:
    """What is kept, of what could be."""
    verdicts = {
        "identity": (edit.identity, edit.identity >= ALIKE),
        "layout": (edit.layout, edit.layout >= SAME_PLACE),
        "background": (edit.background, edit.background <= control.background + TINTED),
    }
    return {name: verdict for name, (value, verdict) in verdicts.items() if not math.isnan(value)}


def _area(changed: Tensor, old: _Look, new: _Look) -> Area:
    runs = [(value, len(list(run))) for value, run in groupby(changed.flatten().tolist())]
    lengths = [length for _, length in runs]
    rows, columns = changed.shape
    return Area(
        share=float(changed.float().mean()),
        parts=_parts(changed, old, new),
        size=(rows, columns),
        runs=tuple([0, *lengths] if runs[0][0] else lengths),
    )


def _parts(changed: Tensor, old: _Look, new: _Look) -> dict[str, float]:
    """Share that changed of each part, where either picture shows it; parts with the most changed pixels first."""
    found = {name: (old.parts == k) | (new.parts == k) for k, name in enumerate(CLASSES)}
    counts = {name: int((where & changed).sum()) for name, where in found.items()}
    order = sorted((name for name, count in counts.items() if count >= ENOUGH), key=lambda name: -counts[name])
    return {name: counts[name] / int(found[name].sum()) for name in order}


def _told_wishes(wishes: Sequence[Outcome]) -> Iterator[str]:
    for wish in wishes:
        verdict = {None: "cannot be judged", True: "achieved", False: "not achieved"}[wish.achieved]
        yield f"{wish.modality} {wish.asked!r}: {verdict}{', but it was so before' if wish.already else ''}"
        if wish.achieved is not None:
            scores = f"{wish.before:.2f} before, {wish.control:.2f} re-encoded, {wish.after:.2f} after"
            yield f"  {wish.metric}: {scores} {wish.unit}".rstrip()
        for trait in wish.traits:
            sign = "right" if trait.right else "wrong"
            yield f"  {trait.key}: wanted {trait.wanted}, was {trait.before}, is {trait.seen}: {sign}"


def _told_figures(report: EditReport) -> Iterator[str]:
    for name, kept in report.kept.items():
        yield f"{name}: {'kept' if kept else 'not kept'}"
    yield f"  {'':12}{'edit':>8}  {'re-encoded':>10}"
    for name, words in MEASURED_BY.items():
        edit, control = getattr(report.edit, name), getattr(report.control, name)
        yield f"  {name:12}{edit:8.3f}  {control:10.3f}  {words}"


def _told_rest(report: EditReport) -> Iterator[str]:
    parts = ", ".join(f"{name} ({share:.0%})" for name, share in report.area.parts.items())
    yield f"changed: {report.area.share:.0%} of the picture{': ' * bool(parts)}{parts}"
    flips = ", ".join(f"{flip.key} {flip.before} -> {flip.after}" for flip in report.edit.flipped)
    yield f"changed though nobody asked: {flips or 'no trait'}"
    if report.edit.moved:
        yield f"moved: {', '.join(report.edit.moved)}"
