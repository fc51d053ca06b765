"""Every metric orders six levels of the corruptions it is meant to notice."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from misen.core.registry import modalities
from misen.data.world import tell_truth
from misen.metrics import corruption
from misen.metrics.alignment import adherence, examine
from misen.metrics.corruption import LADDERS
from misen.metrics.fid import Moments, frechet_distance
from misen.metrics.fidelity import psnr, ssim
from misen.metrics.grader import Grader, Survey, shipped_grader
from misen.metrics.inception_score import TYPE, inception_score
from misen.metrics.kid import kernel_distance
from misen.metrics.lpips import Lpips, pairwise_diversity
from misen.metrics.precision_recall import in_deviations, neighbourhoods
from misen.metrics.r_precision import r_precision
from misen.metrics.reference import Reference
from misen.metrics.validity import BAR, climb, order
from misen.nn.weights import shipped
from misen.scene.attributes import ATTRIBUTES, COLUMN
from misen.scene.record import Record
from misen.scene.splits import TEST

COUNT, SIZE = 300, 12


def paint(record: Record) -> Tensor:
    """A renderer for tests: each trait is a tile, the camera another, and the identity shades all of them."""
    sizes = torch.tensor([len(attribute) for attribute in ATTRIBUTES])
    tiles = torch.cat([record.attributes / sizes * 1.6 - 0.8, record.camera[:, :2] / 4], dim=1)
    coarse = tiles.view(-1, 1, 3, 6).expand(-1, 3, -1, -1) + 0.1 * record.identity[:, :3, None, None]
    return functional.interpolate(coarse, (SIZE, SIZE), mode="nearest").clamp(-1, 1)


def read(images: Tensor) -> Tensor:
    """(B, 54) features: the mean of every tile."""
    return functional.adaptive_avg_pool2d(images, (3, 6)).flatten(1)


def types(images: Tensor) -> Tensor:
    """Log-probabilities of hair styles, as read from their tile."""
    seen = (functional.adaptive_avg_pool2d(images, (3, 6))[:, :, 0, 1].mean(1) + 0.8) / 1.6
    centres = torch.arange(8) / 8
    return (-((seen[:, None] - centres) ** 2) * 200).log_softmax(1)


class Traits:
    """Scores the share of tiles that are as they should be."""

    metric, unit, higher_is_better = "right tiles", "", True

    def score(self, images: Tensor, signal: Tensor) -> Tensor:
        return ((read(images) - signal).abs() < 0.06).double().mean(1)


@pytest.fixture
def record(monkeypatch: pytest.MonkeyPatch) -> Record:
    monkeypatch.setattr(corruption, "render", paint)
    return TEST.records(0, COUNT)


@pytest.fixture(scope="module")
def others() -> Tensor:
    """Features of other avatars."""
    return read(paint(TEST.records(COUNT, COUNT)))


def pose_and_type(images: Tensor) -> Tensor:
    """(B, 5) features: hair style and glasses, far apart, yaw and pitch, and how rough the first tile is."""
    rough = images[:, :, :4, :2].std((2, 3)).mean(1, keepdim=True)
    return torch.cat([4 * read(images)[:, [1, 4]], read(images)[:, [16, 17]], rough], dim=1)


@pytest.fixture(scope="module")
def manifold() -> Tensor:
    """What ``pose_and_type`` reads of other avatars."""
    return pose_and_type(paint(TEST.records(COUNT, COUNT)))


DISTANCES = ("noise", "blur", "dropped modes", "pose jitter", "repetition")


@pytest.mark.parametrize("name", DISTANCES)
def test_frechet_and_kernel_distances_rise(record: Record, others: Tensor, name: str) -> None:
    reference = Moments.of(others)
    fids = climb(lambda images: frechet_distance(reference, Moments.of(read(images))), LADDERS[name], record)
    kids = climb(lambda images: kernel_distance(others, read(images)), LADDERS[name], record)
    assert order(fids, LADDERS[name]) >= BAR
    assert order(kids, LADDERS[name]) >= BAR
    assert name != "dropped modes" or fids[1] > fids[0]


def appearance(images: Tensor) -> Tensor:
    """(B, 7) features: hair style, glasses, yaw and pitch, and how much each color varies."""
    return torch.cat([pose_and_type(images)[:, :4], images.std((2, 3))], dim=1)


@pytest.mark.parametrize("name", ["noise", "blur"])
def test_precision_and_density_fall_with_noise_and_blur(record: Record, name: str) -> None:
    ladder, real = LADDERS[name], appearance(paint(TEST.records(COUNT, COUNT)))
    sets = [appearance(ladder.corrupt(record, level)) for level in ladder.levels]
    nears = [neighbourhoods(*in_deviations(real, fake)) for fake in sets]
    assert order([float(near.precision.mean()) for near in nears], ladder) <= -BAR
    assert order([float(near.density.mean()) for near in nears], ladder) <= -BAR


def test_recall_and_coverage_fall_with_dropped_modes(record: Record, manifold: Tensor) -> None:
    ladder = LADDERS["dropped modes"]
    nears = [neighbourhoods(manifold, pose_and_type(ladder.corrupt(record, level))) for level in ladder.levels]
    assert order([float(near.recall.mean()) for near in nears], ladder) <= -BAR
    assert order([float(near.coverage.mean()) for near in nears], ladder) <= -BAR


def test_coverage_and_diversity_see_repetition_and_recall_does_not(record: Record, manifold: Tensor) -> None:
    ladder, lpips = LADDERS["repetition"], Lpips(lambda images: [images + 2])
    sets = [ladder.corrupt(record, level) for level in ladder.levels]
    nears = [neighbourhoods(manifold, pose_and_type(images)) for images in sets]
    assert order([float(near.coverage.mean()) for near in nears], ladder) <= -BAR
    assert order([float(pairwise_diversity(lpips.embed(images))) for images in sets], ladder) <= -BAR
    assert nears[-1].recall.mean() > 0.8  # few distinct pictures have wide neighbourhoods


@pytest.mark.parametrize("name", ["noise", "dropped modes", "repetition"])
def test_inception_score_falls(record: Record, name: str) -> None:
    values = climb(lambda images: inception_score(types(images), splits=1)[0], LADDERS[name], record)
    assert order(values, LADDERS[name]) <= -BAR


@pytest.mark.parametrize("name", ["noise", "blur"])
def test_fidelity_falls(record: Record, name: str) -> None:
    clean, lpips = paint(record), Lpips(lambda images: [images + 2])
    for measure in (psnr, ssim, lambda first, second: -lpips(first, second)):
        sets = [LADDERS[name].corrupt(record, level) for level in LADDERS[name].levels]
        values = [float(measure(clean, images).clamp(max=99).mean()) for images in sets]
        assert order(values, LADDERS[name]) <= -BAR


def test_adherence_and_r_precision_fall_with_wrong_traits(record: Record) -> None:
    ladder, truth = LADDERS["wrong traits"], paint(record)
    wished = read(truth)
    adherences = climb(lambda images: adherence(examine(Traits(), wished, images, truth)).value, ladder, record)
    assert order(adherences, ladder) <= -BAR
    assert adherences[0] == pytest.approx(1)
    unlike = ~torch.eye(COUNT, dtype=torch.bool)
    hits = climb(lambda images: float(r_precision(-torch.cdist(read(images), wished), unlike).mean()), ladder, record)
    assert order(hits, ladder) <= -BAR


def test_distances_between_distributions_do_not_see_wrong_traits(record: Record, others: Tensor) -> None:
    """Traits stay as frequent as they were; only adherence can tell."""
    reference = Moments.of(others)
    values, dropped = (
        climb(lambda images: frechet_distance(reference, Moments.of(read(images))), LADDERS[name], record)
        for name in ("wrong traits", "dropped modes")
    )
    assert max(values) - values[0] < 0.5 * (dropped[-1] - dropped[0])


def test_ladders_have_six_rising_levels_from_none(record: Record) -> None:
    clean = paint(record)
    for ladder in LADDERS.values():
        assert len(ladder.levels) == 6
        assert list(ladder.levels) == sorted(ladder.levels)
        assert torch.equal(ladder.corrupt(record, 0), clean)


def test_dropped_modes_are_gone(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corruption, "render", lambda spoiled: spoiled.attributes[:, [COLUMN[key] for key in TYPE]])
    kinds = [len(LADDERS["dropped modes"].corrupt(record, share).unique(dim=0)) for share in (0, 0.5, 0.9)]
    assert kinds == [32, 16, 3]


# --- the judge that ships ------------------------------------------------------------------------------------------

JUDGED = 1000
"""Pictures; with few, the bias of the Fréchet distance falls with variety and hides dropped modes."""


@pytest.fixture(scope="module")
def grader() -> Grader:
    return shipped_grader()


@pytest.fixture(scope="module")
def reference(grader: Grader) -> Reference:
    return Reference.load(shipped("reference"), grader.name)


@pytest.fixture(scope="module")
def surveys(grader: Grader) -> Callable[[str], list[Survey]]:
    """What the judge sees at every level of a ladder."""
    record = TEST.records(30_000, JUDGED)

    @cache
    def look(name: str) -> list[Survey]:
        ladder = LADDERS[name]
        return [grader.survey(ladder.corrupt(record, level)) for level in ladder.levels]

    return look


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", DISTANCES)
def test_the_shipped_features_order_corruptions(
    surveys: Callable[[str], list[Survey]], reference: Reference, name: str
) -> None:
    ladder, seen = LADDERS[name], [survey.features for survey in surveys(name)]
    fids = [frechet_distance(reference.moments, Moments.of(features)) for features in seen]
    assert order(fids, ladder) >= BAR
    assert fids[1] > fids[0]
    assert order([kernel_distance(reference.reals(JUDGED), features) for features in seen], ladder) >= BAR


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("name", "shares"),
    [
        ("faint noise", ("precision", "density")),  # where there is more, no picture lies among real ones
        ("blur", ("precision", "density", "recall", "coverage")),
        ("repetition", ("coverage",)),
    ],
)
def test_the_shipped_neighbourhoods_order_corruptions(
    surveys: Callable[[str], list[Survey]], reference: Reference, name: str, shares: tuple[str, ...]
) -> None:
    real = reference.appearance
    nears = [neighbourhoods(*in_deviations(real, survey.appearance)) for survey in surveys(name)]
    for share in shares:
        assert order([float(getattr(near, share).mean()) for near in nears], LADDERS[name]) <= -BAR, share


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", ["noise", "blur"])
def test_the_shipped_perceptual_distance_orders_corruptions(grader: Grader, name: str) -> None:
    record = TEST.records(30_000, 100)
    clean = corruption.render(record)
    distances = climb(lambda images: float(grader.lpips()(clean, images).mean()), LADDERS[name], record)
    assert order(distances, LADDERS[name]) >= BAR


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("name", "modality"), [("wrong traits", "attributes"), ("pose jitter", "camera")])
def test_the_shipped_judges_notice_wrong_traits_and_poses(grader: Grader, name: str, modality: str) -> None:
    truth = tell_truth(TEST.records(30_000, 300))
    signal, judge = modalities()[modality].signal.observe(truth, truth.record.seed), grader.judge(modality)
    images, ladder = truth.observation.image, LADDERS[name]
    values = climb(lambda made: adherence(examine(judge, signal, made, images)).value, ladder, truth.record)
    assert order(values, ladder) <= -BAR
