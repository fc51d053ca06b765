"""How good and how varied the pictures of a model are, beside real renders and a naive generator."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from misen import assembly
from misen.app import checks
from misen.app.evaluate.examination import Examination, Examinee, standard, wish
from misen.core.guidance import Guidance
from misen.core.registry import modalities, stills
from misen.core.signal import Signal
from misen.metrics.capabilities import Complete
from misen.metrics.fid import Moments, fid, frechet_distance
from misen.metrics.grader import Survey
from misen.metrics.inception_score import SPLITS, inception_score
from misen.metrics.kid import kid, kid_interval
from misen.metrics.lpips import pairwise_diversity
from misen.metrics.precision_recall import in_deviations, neighbourhoods
from misen.metrics.report import Interval, QualityReport
from misen.perception.figures import Figure, mean
from misen.scene.truth import Truth

SMALLEST = 2 * SPLITS
"""Fewest pictures whose distribution is measured."""
SAMPLES, SHARE = 4, 40
"""For diversity: pictures of each wish, and of how many wishes one is repeated."""


def evaluate_quality(
    examinee: Examinee, *, n: int = 2000, seed: int = 0, examination: Examination | None = None
) -> QualityReport:
    """Compare ``n`` pictures with renders of the test range.

    Args:
        examinee: gets full captions, else its first native modality that a picture shows, else nothing.
        n: pictures, from 20 to the size of the reference (2,000).
        seed: chooses the wishes.
        examination: the standard one if left out.

    Raises:
        InputError: ``n`` is too small.
        LimitError: ``n`` is larger than the reference.
    """
    checks.whole(n, "n", SMALLEST, checks.COUNT_LIMIT)
    bench = examination or standard()
    reference, modality = bench.reference, _best_modality(examinee)
    real, naive = Reals(reference.reals(n), reference.appearance, reference.moments), reference.naive_distance(n)
    made, seen, seconds = _pictures(examinee, modality, bench, n, seed)
    model, truth = (distances(survey, real) for survey in (made, seen))
    diversity = mean(_diversities(examinee, modality, bench, max(2, n // SHARE), seed))
    spread = distance_intervals(made, real) | intervals({"lpips_a_diversity": diversity})
    low, high = spread["fid_a"]
    return QualityReport(
        model=examinee.name,
        n=n,
        seed=seed,
        wish=modality,
        fid_ratio=model["fid_a"] / naive,
        lpips_a_diversity=diversity.value,
        fid_a_real_vs_real=truth["fid_a"],
        real=truth,
        ci95=spread | {"fid_ratio": (low / naive, high / naive)},
        extractor=bench.grader.name,
        seconds_per_image=seconds / n,
        **model,
    )


@dataclass(frozen=True)
class Reals:
    """The real pictures that others are compared with.

    Attributes:
        features: (n, D) of as many as there are others.
        appearance: (N, D + E) of all, see ``Survey``.
        moments: of their features, or those of still more.
    """

    features: Tensor
    appearance: Tensor
    moments: Moments


def distances(made: Survey, real: Reals) -> dict[str, float]:
    """Figures by name, of pictures against real ones."""
    score, score_deviation = inception_score(made.types)
    kernel, kernel_deviation = kid(real.features, made.features)
    return {
        "fid_a": frechet_distance(real.moments, Moments.of(made.features)),
        "kid_a": kernel,
        "kid_a_std": kernel_deviation,
        "is_a_mean": score,
        "is_a_std": score_deviation,
        **{name: float(values.mean()) for name, values in _shares(made, real).items()},
    }


def distance_intervals(made: Survey, real: Reals) -> dict[str, Interval]:
    """The 95 % intervals of those figures that have no deviation of their own, and of the kernel distance."""
    shares = {name: mean(values) for name, values in _shares(made, real).items()}
    apart = {"fid_a": fid(real.moments, made.features), "kid_a": kid_interval(real.features, made.features)}
    return intervals(apart | shares)


def _shares(made: Survey, real: Reals) -> dict[str, Tensor]:
    near = neighbourhoods(*in_deviations(real.appearance, made.appearance))
    return {f"{field.name}_a": getattr(near, field.name) for field in fields(near)}


def intervals(figures: Mapping[str, Figure]) -> dict[str, Interval]:
    """The 95 % intervals of figures."""
    return {name: (figure.low, figure.high) for name, figure in figures.items()}


def _best_modality(examinee: Examinee) -> str:
    """Words if it was trained on them, else the first modality of its own that a picture shows, else none."""
    native = sorted(examinee.native & stills().keys())
    return assembly.WORDS if assembly.WORDS in native else next(iter(native), "")


def _signals(modality: str, truth: Truth) -> Sequence[Signal]:
    """The fullest wish for each avatar."""
    if not modality:
        return []
    kind = modalities()[modality].signal
    observe = kind.observe_fully if isinstance(kind, Complete) else kind.observe
    return [observe(truth, truth.record.seed)]


def _pictures(examinee: Examinee, modality: str, bench: Examination, n: int, seed: int) -> tuple[Survey, Survey, float]:
    """The examinee's pictures and the true ones, as the judge sees them, and the seconds that making them took."""
    made, seen, seconds = [], [], 0.0
    for truth in bench.truths(n, seed):
        signals, began = _signals(modality, truth), time.perf_counter()
        images = wish(examinee, signals, truth.record)
        seconds += time.perf_counter() - began
        made.append(bench.grader.survey(images))
        seen.append(bench.grader.survey(truth.observation.image))
    return Survey.cat(made), Survey.cat(seen), seconds


def _diversities(examinee: Examinee, modality: str, bench: Examination, wishes: int, seed: int) -> Tensor:
    """(wishes,) mean LPIPS-A between pictures of one wish."""
    lpips = bench.grader.lpips()
    same = torch.zeros(SAMPLES, dtype=torch.int64)
    values = []
    for truth in bench.truths(wishes, seed):
        for item in range(len(truth)):
            one = truth[item : item + 1]
            guidances = [Guidance(signal=signal[same]) for signal in _signals(modality, one)]
            images = examinee.make(guidances, [int(one.record.seed) + sample for sample in range(SAMPLES)])
            values.append(pairwise_diversity(lpips.embed(images)))
    return torch.stack(values)
