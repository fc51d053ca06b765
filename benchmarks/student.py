"""The few-step student beside its teacher: how much further from the world its pictures are, on the same wishes.

``benchmarks.speed`` prints the same ratio of few pictures, beside times; here nobody else takes part, so that there is
time for many.
"""

from __future__ import annotations

from collections.abc import Iterator

import misen
from benchmarks.race import race
from benchmarks.speed import TUNED_STEPS, accelerated, ratio, student
from benchmarks.timing import Effort, Row
from misen.app.evaluate.examination import standard
from misen.assembly import USUAL_MODEL


def rows(effort: Effort) -> Iterator[Row]:
    """FID-A and adherence of both, and the ratio of FID-A, paired by picture."""
    model, bench = misen.load(USUAL_MODEL), standard()
    whole = accelerated("the teacher", model, effort, num_inference_steps=effort.of(TUNED_STEPS))
    teacher, *students = race([whole, *student(effort)], bench, effort.pictures)
    for run in (teacher, *students):
        yield Row(f"{run.way.name}, FID-A", run.distance(bench), "")
        yield Row("  adherence to text", run.adherence(), "")
    for one in students:
        yield Row("student's FID-A / teacher's", ratio(one, teacher, bench), "x", "<= 1.5")
