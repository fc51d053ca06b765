"""Adherence from both sides: the renderer itself scores one with every modality, somebody else's pictures nothing."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest
from torch.nn import functional

from misen.app.evaluate import adherence, evaluate_adherence, evaluate_together
from misen.core.errors import InputError, NotFoundError, Unreachable
from misen.core.guidance import Consistency
from misen.core.registry import stills
from unit.app.evaluate.conftest import COUNT, Renderer


@pytest.mark.parametrize("modality", stills())
def test_the_truth_scores_one_and_strangers_nothing(examination, truth, modality: str) -> None:
    report = evaluate_adherence(Renderer(truth), modality, n=COUNT, examination=examination)
    assert report.normalized == pytest.approx(1)
    assert report.ci95 == pytest.approx((1, 1))
    assert report.score == pytest.approx(report.oracle)
    assert (report.score > report.shuffled) == report.higher_is_better
    stranger = evaluate_adherence(Renderer(truth, shift=7), modality, n=COUNT, examination=examination)
    assert stranger.ci95[1] < 0.6
    assert stranger.normalized < 0.35


def test_what_no_single_picture_can_show_is_refused_before_any_is_made(examination, truth, monkeypatch) -> None:
    monkeypatch.setattr(adherence, "stills", dict)
    renderer = Renderer(truth)
    for refused in (
        lambda: evaluate_adherence(renderer, "camera", n=6, examination=examination),
        lambda: evaluate_together(renderer, "camera", "depth", n=6, examination=examination),
    ):
        with pytest.raises(Unreachable, match="camera moves in time, and models are examined by single pictures"):
            refused()
    assert renderer.asked == []


def test_the_report_is_complete_and_json(examination, truth) -> None:
    report = evaluate_adherence(Renderer(truth), "camera", n=COUNT, seed=0, examination=examination).to_json()
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    fixed = {"model": "renderer", "modality": "camera", "route": "native", "n": COUNT, "seed": 0, "unit": "degrees"}
    assert fixed.items() <= report.items()
    assert report["judge"] == "memory@0"
    assert (report["realism"], report["realism_unguided"]) == (1.0, 1.0)
    assert (report["strength"], report["window"], report["consistency"]) == (1.0, [0.0, 1.0], {})
    assert report["score_ci95"][1] < report["unguided_ci95"][0]  # degrees: without wishes it shows somebody else
    assert report["fid_a_ratio"] == pytest.approx(report["fid_a"] / report["fid_a_unguided"])


def test_how_wishes_act_is_asked_for_and_told(examination, truth) -> None:
    class Listening(Renderer):
        """Remembers the guidances."""

        def route(self, guidances):
            return guidances[0].route

        def make(self, guidances, seeds):
            heard.extend(guidances)
            return super().make(guidances, seeds)

    heard, how = [], Consistency(copies=2)
    report = evaluate_adherence(
        Listening(truth), "camera", n=6, route="consistency", strength=2.5, window=(0.1, 0.9), consistency=how,
        examination=examination,
    )  # fmt: skip
    assert [(g.route, g.strength, g.window, g.consistency) for g in heard] == [("consistency", 2.5, (0.1, 0.9), how)]
    assert (report.strength, report.window, report.consistency) == (2.5, (0.1, 0.9), asdict(how))


def test_worse_pictures_are_farther_from_real_ones(examination, truth) -> None:
    class Faded(Renderer):
        """Shows what is asked for almost in grey."""

        def make(self, guidances, seeds):
            return super().make(guidances, seeds) * (0.3 if guidances else 0.8)

    report = evaluate_adherence(Faded(truth), "camera", n=COUNT, examination=examination)
    assert 1 < report.fid_a_ratio_ci95[0] < report.fid_a_ratio < report.fid_a_ratio_ci95[1]


def test_pictures_in_a_fog_are_not_realistic(examination, truth) -> None:
    class Foggy(Renderer):
        """Shows the right avatar, hardly."""

        def make(self, guidances, seeds):
            return 0.2 * functional.avg_pool2d(super().make(guidances, seeds), 17, 1, 8)

    shown = Renderer(truth), Foggy(truth)
    clear, foggy = (evaluate_adherence(examinee, "camera", n=8, examination=examination) for examinee in shown)
    assert clear.realism == 1
    assert foggy.realism < 0.5


def test_words_also_find_their_picture_and_fall_into_kinds(examination, truth) -> None:
    right = evaluate_adherence(Renderer(truth), "text", n=COUNT, examination=examination)
    wrong = evaluate_adherence(Renderer(truth, shift=7), "text", n=COUNT, examination=examination)
    assert right.r_precision == {"score": 1.0, "oracle": 1.0, "chance": 1 / COUNT}
    assert wrong.r_precision["score"] < 0.3
    assert right.groups["english"].n + right.groups["chinese"].n == COUNT
    assert right.groups["negation"].value == pytest.approx(1)


def test_other_signals_have_no_r_precision(examination, truth) -> None:
    report = evaluate_adherence(Renderer(truth), "camera", n=6, examination=examination)
    assert (report.r_precision, report.groups, report.class_maps) == ({}, {}, {})


def test_maps_are_also_compared_pixel_by_pixel(examination, truth) -> None:
    right = evaluate_adherence(Renderer(truth), "segmentation", n=COUNT, examination=examination).class_maps
    assert right["score"] == right["oracle"]
    assert (right["score"].pixel_accuracy, right["score"].mean_iou) == (1.0, 1.0)
    assert set(right["score"].iou.values()) == {1.0}
    assert {"background", "skin", "hair"} <= set(right["score"].iou)
    report = evaluate_adherence(Renderer(truth, shift=7), "segmentation", n=COUNT, examination=examination).to_json()
    wrong = report["class_maps"]["score"]
    assert wrong["mean_iou"] < wrong["pixel_accuracy"] < 1
    assert wrong["mean_iou"] == pytest.approx(sum(wrong["iou"].values()) / len(wrong["iou"]))


def test_two_modalities_are_measured_alone_and_together(examination, truth) -> None:
    renderer = Renderer(truth)
    report = evaluate_together(renderer, "camera", "attributes", n=COUNT, examination=examination)
    assert renderer.asked == [("camera", "attributes"), ("camera",), ("attributes",)]
    for modality in ("camera", "attributes"):
        assert report.alone[modality].value == pytest.approx(1)
        assert report.together[modality].value == pytest.approx(1)
        assert report.loss[modality].high == pytest.approx(0, abs=1e-12)
    assert set(report.to_json()["loss"]["camera"]) == {"value", "low", "high", "n"}


def test_what_a_second_wish_spoils_shows_as_loss(examination, truth) -> None:
    class Torn(Renderer):
        """Shows someone else as soon as there are two wishes."""

        def make(self, guidances, seeds):
            self.shift = 7 * (len(guidances) > 1)
            return super().make(guidances, seeds)

    report = evaluate_together(Torn(truth), "camera", "attributes", n=COUNT, examination=examination)
    assert report.loss["attributes"].low > 0.5


def test_errors_come_before_any_picture(examination, truth) -> None:
    renderer = Renderer(truth)
    with pytest.raises(InputError, match="n must be a whole number from 6"):
        evaluate_adherence(renderer, "camera", n=5, examination=examination)
    with pytest.raises(NotFoundError, match=r"no modality called 'kamera'.*did you mean 'camera'"):
        evaluate_adherence(renderer, "kamera", n=6, examination=examination)
    with pytest.raises(NotFoundError, match="no modality called 'kamera'"):
        evaluate_together(renderer, "camera", "kamera", n=6, examination=examination)
    assert renderer.asked == []
