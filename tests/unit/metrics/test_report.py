"""Reports: every field the commands promise, as JSON can say it."""

from __future__ import annotations

import json
from dataclasses import dataclass

from misen.metrics.report import AdherenceReport, QualityReport, Report, plain
from misen.perception.figures import Figure

ADHERENCE = (
    "model modality route n seed score oracle shuffled normalized ci95 realism realism_unguided metric "
    "higher_is_better judge"
)
QUALITY = (
    "model n seed fid_a fid_ratio kid_a is_a_mean is_a_std lpips_a_diversity precision_a recall_a density_a coverage_a "
    "fid_a_real_vs_real extractor seconds_per_image"
)


def test_promised_fields() -> None:
    assert set(ADHERENCE.split()) <= set(AdherenceReport.__dataclass_fields__)
    assert set(QUALITY.split()) <= set(QualityReport.__dataclass_fields__)


def test_what_is_no_number_is_null() -> None:
    @dataclass(frozen=True)
    class Small(Report):
        value: float
        figures: dict
        ci95: tuple

    report = Small(float("nan"), {"a": Figure(1.0, 0.5, float("inf"), 3)}, (0.1, 0.2))
    expected = {"value": None, "figures": {"a": {"value": 1.0, "low": 0.5, "high": None, "n": 3}}, "ci95": [0.1, 0.2]}
    assert report.to_json() == expected
    assert json.loads(json.dumps(report.to_json(), allow_nan=False)) == expected
    assert plain("words") == "words"
