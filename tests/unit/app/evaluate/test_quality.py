"""Quality from both sides: the renderer is as good as real, somebody who repeats one picture is not."""

from __future__ import annotations

import json

import pytest
import torch

from misen.app.evaluate import evaluate_quality
from misen.core.errors import InputError, LimitError
from unit.app.evaluate.conftest import COUNT, Renderer


class Monotone(Renderer):
    """Always makes the same picture."""

    def make(self, guidances, seeds):
        return super().make(guidances, [int(self.truth.record.seed[0])] * len(seeds))


def test_the_renderer_is_as_good_as_real(examination, truth) -> None:
    report = evaluate_quality(Renderer(truth), n=COUNT, examination=examination)
    assert report.fid_a == pytest.approx(report.fid_a_real_vs_real, abs=1e-5)
    assert abs(report.fid_ratio) < 1e-3
    assert report.precision_a == report.recall_a == report.coverage_a == 1
    assert report.kid_a == pytest.approx(report.real["kid_a"])
    assert report.lpips_a_diversity > 0
    assert report.is_a_mean > 1.5
    assert report.seconds_per_image > 0
    assert {"fid_a", "fid_ratio", "kid_a", "recall_a", "lpips_a_diversity"} <= set(report.ci95)
    assert json.loads(json.dumps(report.to_json(), allow_nan=False)) == report.to_json()


def test_one_picture_again_and_again_is_neither_near_nor_varied(examination, truth) -> None:
    good, poor = (evaluate_quality(kind(truth), n=COUNT, examination=examination) for kind in (Renderer, Monotone))
    assert poor.ci95["fid_a"][0] > good.fid_a
    assert poor.fid_ratio > 0.1
    assert poor.lpips_a_diversity == pytest.approx(0, abs=1e-6)
    assert poor.coverage_a < 0.5
    assert poor.is_a_mean == pytest.approx(1)


FULLEST = [((), ""), (("audio",), ""), (("depth", "audio", "camera"), "camera"), (("depth", "text"), "text")]


@pytest.mark.parametrize(("native", "wish"), FULLEST)
def test_wishes_are_words_else_the_first_modality_else_nothing(examination, truth, native, wish: str) -> None:
    renderer = Renderer(truth, native=frozenset(native))
    assert evaluate_quality(renderer, n=20, examination=examination).wish == wish
    assert set(renderer.asked) == {(wish,) if wish else ()}


def test_diversity_repeats_each_wish_with_other_seeds(examination, truth) -> None:
    class Listener(Renderer):
        heard: list = []  # noqa: RUF012

        def make(self, guidances, seeds):
            self.heard.append((guidances, list(seeds)))
            return super().make(guidances, seeds)

    listener = Listener(truth, native=frozenset(["camera"]))
    evaluate_quality(listener, n=20, examination=examination)
    (guidance,), seeds = listener.heard[-1]
    assert len(set(seeds)) == len(seeds) == 4
    assert torch.equal(guidance.signal.pose[0], guidance.signal.pose[3])


def test_too_few_pictures_are_refused(examination, truth) -> None:
    with pytest.raises(InputError, match="n must be a whole number from 20"):
        evaluate_quality(Renderer(truth), n=19, examination=examination)


def test_more_pictures_than_the_reference_has_are_refused(examination, truth) -> None:
    with pytest.raises(LimitError, match="the reference has at most 24"):
        evaluate_quality(Renderer(truth), n=25, examination=examination)
