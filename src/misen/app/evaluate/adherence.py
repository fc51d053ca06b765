"""Whether pictures obey their guidance, for one modality and for two at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from misen.app import checks
from misen.app.evaluate.examination import Examination, Examinee, Guide, standard, wish
from misen.core.errors import Unreachable
from misen.core.guidance import USUAL, Consistency, Guidance, Route
from misen.core.judge import Judge
from misen.core.registry import lookup, modalities, stills
from misen.core.signal import Signal
from misen.metrics.alignment import Trial, adherence, examine, loss
from misen.metrics.bootstrap import centred
from misen.metrics.capabilities import Falsifiable, Grouped, Retrieving, Segmenting
from misen.metrics.class_maps import Agreement, confusion
from misen.metrics.fid import Moments, frechet_distance
from misen.metrics.grader import Survey
from misen.metrics.precision_recall import DENSE, in_deviations, neighbourhoods
from misen.metrics.r_precision import DISTRACTORS, r_precision
from misen.metrics.report import AdherenceReport, TogetherReport
from misen.perception.figures import Figure, mean
from misen.scene.truth import Truth


@dataclass(frozen=True)
class _Attempt:
    """B wishes and what became of them."""

    truth: Truth
    signal: Signal
    made: Tensor
    trial: Trial
    unguided: Tensor
    """(B,) scores of pictures made from the same seeds without the wishes."""
    look: Survey
    """What is kept of the pictures."""
    free: Survey
    """What is kept of those made without the wishes."""


def evaluate_adherence(
    examinee: Examinee,
    modality: str,
    *,
    n: int = 500,
    seed: int = 0,
    route: Route = "auto",
    strength: float = 1.0,
    window: tuple[float, float] = (0.0, 1.0),
    consistency: Consistency = USUAL,
    examination: Examination | None = None,
) -> AdherenceReport:
    """Ask for ``n`` avatars with one modality and let the judge say whether they came.

    Args:
        examinee: makes the pictures.
        modality: what the wishes are.
        n: wishes, at least 6.
        seed: chooses them.
        route: how they act.
        strength: how strongly.
        window: in which part of the walk.
        consistency: how, where they act by consistency.
        examination: the standard one if left out; ``standard(COMPOSITION)`` asks for held-out combinations.

    Raises:
        InputError: ``n`` is too small, or there is no such way to act.
        NotFoundError: there is no such modality.
        Unreachable: the model cannot follow it, or single pictures cannot show it.
    """
    checks.whole(n, "n", DENSE + 1, checks.COUNT_LIMIT)
    _still(modality)
    bench = examination or standard()
    judge = bench.grader.judge(modality)
    guide = partial(Guidance, route=route, strength=strength, window=window, consistency=consistency)
    taken = _route(examinee, modality, bench, seed, guide)
    attempts = list(_attempts(examinee, modality, judge, bench, n, seed, guide))
    return AdherenceReport(
        model=examinee.name,
        modality=modality,
        route=taken,
        strength=strength,
        window=window,
        consistency=asdict(consistency) if taken == "consistency" else {},
        n=n,
        seed=seed,
        **_judged(judge, bench, attempts),
    )


def evaluate_together(
    examinee: Examinee, first: str, second: str, *, n: int = 500, seed: int = 0, examination: Examination | None = None
) -> TogetherReport:
    """Ask for ``n`` avatars with each of two modalities alone and with both, from the same seeds.

    Args:
        examinee: makes the pictures.
        first: a modality.
        second: another one.
        n: wishes, at least 2.
        seed: chooses them.
        examination: the standard one if left out.

    Raises:
        InputError: ``n`` is too small.
        NotFoundError: there is no such modality.
        Unreachable: the model cannot follow one of them, or single pictures cannot show it.
    """
    checks.whole(n, "n", 2, checks.COUNT_LIMIT)
    pair = [_still(modality) for modality in (first, second)]
    bench = examination or standard()
    judges = {modality: bench.grader.judge(modality) for modality in pair}
    rounds = [_round(examinee, judges, truth) for truth in bench.truths(n, seed)]
    trials = {name: [Trial.cat([part[name][k] for part in rounds]) for k in (0, 1)] for name in judges}
    return TogetherReport(
        model=examinee.name,
        n=n,
        seed=seed,
        alone={name: adherence(alone) for name, (alone, _) in trials.items()},
        together={name: adherence(both) for name, (_, both) in trials.items()},
        loss={name: loss(alone, both) for name, (alone, both) in trials.items()},
        judge=bench.grader.name,
    )


def _still(modality: str) -> str:
    """A modality that single pictures show; raises ``NotFoundError`` for none, ``Unreachable`` for one that moves."""
    if lookup("modality", modality, modalities()) not in stills():
        message = f"{modality} moves in time, and models are examined by single pictures, which cannot show it"
        raise Unreachable(message, field="modality", hint=f"accepted: {', '.join(stills())}")
    return modality


def _observe(modality: str, truth: Truth) -> Signal:
    """What single pictures show of a modality."""
    signal: Signal = modalities()[modality].signal.observe(truth, truth.record.seed)
    return signal


def _route(examinee: Examinee, modality: str, bench: Examination, seed: int, guide: Guide) -> str:
    """The route that the wishes take, before any picture is made."""
    return examinee.route([guide(signal=_observe(modality, next(bench.truths(1, seed))))])


def _attempts(
    examinee: Examinee, modality: str, judge: Judge, bench: Examination, n: int, seed: int, guide: Guide
) -> Iterator[_Attempt]:
    for truth in bench.truths(n, seed):
        signal = _observe(modality, truth)
        made, free = wish(examinee, [signal], truth.record, guide), wish(examinee, [], truth.record)
        trial, unguided = examine(judge, signal, made, truth.observation.image), judge.score(free, signal)
        yield _Attempt(truth, signal, made, trial, unguided, bench.grader.survey(made), bench.grader.survey(free))


def _judged(judge: Judge, bench: Examination, attempts: Sequence[_Attempt]) -> dict[str, Any]:
    """Who judges, by what, and every figure of a report."""
    trial = Trial.cat([attempt.trial for attempt in attempts])
    return {
        "judge": bench.grader.name,
        "metric": judge.metric,
        "unit": judge.unit,
        "higher_is_better": judge.higher_is_better,
        "r_precision": _retrieval(judge, attempts),
        "groups": _groups(trial, attempts),
        "class_maps": _class_maps(judge, attempts),
        **_scores(trial),
        **_beside_unguided(bench, attempts),
    }


def _scores(trial: Trial) -> dict[str, Any]:
    """The scores of a report."""
    normalized, score = adherence(trial), _mean_score(trial.made)
    return {
        "score": score.value,
        "score_ci95": (score.low, score.high),
        "oracle": float(trial.oracle.nanmean()),
        "shuffled": float(trial.shuffled.nanmean()),
        "normalized": normalized.value,
        "ci95": (normalized.low, normalized.high),
    }


def _beside_unguided(bench: Examination, attempts: Sequence[_Attempt]) -> dict[str, Any]:
    """The figures of a report that stand beside those of pictures made without the wishes."""
    unguided = _mean_score(torch.cat([attempt.unguided for attempt in attempts]))
    guided, free = (Survey.cat(parts) for parts in zip(*((a.look, a.free) for a in attempts), strict=True))
    moments = bench.reference.moments
    farther = _farther(moments, guided.features, free.features)
    return {
        "unguided": unguided.value,
        "unguided_ci95": (unguided.low, unguided.high),
        "realism": _realism(bench, guided),
        "realism_unguided": _realism(bench, free),
        "fid_a": frechet_distance(moments, Moments.of(guided.features)),
        "fid_a_unguided": frechet_distance(moments, Moments.of(free.features)),
        "fid_a_ratio": farther.value,
        "fid_a_ratio_ci95": (farther.low, farther.high),
    }


def _mean_score(scores: Tensor) -> Figure:
    """The mean of (N,) scores, without those of signals that ask for nothing."""
    return mean(scores[~scores.isnan()])


def _realism(bench: Examination, look: Survey) -> float:
    """Precision-A among all real pictures of the reference; among as few as there are wishes, blur would pass."""
    return float(neighbourhoods(*in_deviations(bench.reference.appearance, look.appearance)).precision.mean())


def _farther(reference: Moments, guided: Tensor, free: Tensor) -> Figure:
    """How many times as far from real pictures guided ones (N, D) are as those from the same seeds without wishes."""

    def ratio(items: Tensor) -> float:
        first, second = (frechet_distance(reference, Moments.of(features[items])) for features in (guided, free))
        return first / second

    return centred(ratio, len(guided))


def _round(examinee: Examinee, judges: dict[str, Judge], truth: Truth) -> dict[str, tuple[Trial, Trial]]:
    """Each modality's scores alone and beside the other one."""
    signals, images = {name: _observe(name, truth) for name in judges}, truth.observation.image
    both = wish(examinee, list(signals.values()), truth.record)
    alone = {name: wish(examinee, [signal], truth.record) for name, signal in signals.items()}
    return {
        name: (examine(judge, signals[name], alone[name], images), examine(judge, signals[name], both, images))
        for name, judge in judges.items()
    }


def _groups(trial: Trial, attempts: Sequence[_Attempt]) -> dict[str, Figure]:
    """The normalized score of each kind of wish that occurs at least twice."""
    named = [attempt.signal.groups() for attempt in attempts if isinstance(attempt.signal, Grouped)]
    names = named[0].keys() if named else ()
    members = {name: torch.cat([groups[name] for groups in named]).nonzero()[:, 0] for name in names}
    return {name: adherence(trial[items]) for name, items in members.items() if len(items) > 1}


def _retrieval(judge: Judge, attempts: Sequence[_Attempt]) -> dict[str, float]:
    """R-precision of the pictures and of the renderer's own, and chance; nothing for wishes that cannot be false."""
    signals = [attempt.signal for attempt in attempts if isinstance(attempt.signal, Falsifiable)]
    if not signals or not isinstance(judge, Retrieving):
        return {}
    attributes = torch.cat([attempt.truth.record.attributes for attempt in attempts])
    visible = torch.cat([attempt.truth.observation.attributes_visible for attempt in attempts])
    false = torch.cat([signal.false_of(attributes, visible) for signal in signals]).T
    made = [judge.places(attempt.made, attempt.signal) for attempt in attempts]
    true = [judge.places(attempt.truth.observation.image, attempt.signal) for attempt in attempts]
    hits = {"score": r_precision(_likeness(made), false), "oracle": r_precision(_likeness(true), false)}
    return {name: float(hit.mean()) for name, hit in hits.items()} | {"chance": 1 / min(DISTRACTORS + 1, len(false))}


def _class_maps(judge: Judge, attempts: Sequence[_Attempt]) -> dict[str, Agreement]:
    """How the maps that the judge sees agree with those asked for; nothing for wishes that are no such maps."""
    if not isinstance(judge, Segmenting):
        return {}
    made = [judge.maps(attempt.made, attempt.signal) for attempt in attempts]
    true = [judge.maps(attempt.truth.observation.image, attempt.signal) for attempt in attempts]
    return {name: _agreement(judge, maps) for name, maps in {"score": made, "oracle": true}.items()}


def _agreement(judge: Segmenting, maps: Sequence[tuple[Tensor, Tensor]]) -> Agreement:
    """Over all pairs of what is seen and what was wanted."""
    counts = [confusion(seen, wanted, len(judge.classes)) for seen, wanted in maps]
    return Agreement.of(torch.stack(counts).sum(0), judge.classes)


def _likeness(places: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """(N, N) cosine of picture i and signal j."""
    images, signals = (torch.cat(parts) for parts in zip(*places, strict=True))
    return images @ signals.T
