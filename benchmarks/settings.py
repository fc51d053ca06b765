"""Settings of our own: how steps, guided part and kept features trade time for quality, on wishes of their own.

By these the fast way of ``benchmarks.speed`` was set; it is measured on other wishes there.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import misen
from benchmarks.race import Way, race
from benchmarks.speed import CORES, TUNED_STEPS, by_model
from benchmarks.timing import Effort, Row, median, overlap
from misen.app.evaluate.examination import standard
from misen.assembly import USUAL_MODEL
from misen.core.execution import Execution

SEED = 4
"""Chooses the wishes: others than of the race that counts."""
STEPS, ENDS, INTERVALS = (12, 15, 20), (0.7, 0.8, 1.0), (1, 2)


def rows(effort: Effort) -> Iterator[Row]:
    """Time, FID-A and adherence of each, beside those of every step whole and guided."""
    model, bench, fast = misen.load(USUAL_MODEL), standard(), Execution("bfloat16", threads=CORES)
    whole = by_model(model, num_inference_steps=effort.of(TUNED_STEPS), accelerate=fast)
    ways = [Way(f"{TUNED_STEPS} steps, whole and guided", whole, "bfloat16", CORES)]
    for steps, end, interval in product(STEPS, ENDS, INTERVALS):
        settings = {"num_inference_steps": effort.of(steps), "cache_interval": interval, "accelerate": fast}
        name = f"{steps} steps, guided to {end:g}, the whole network in one of {interval}"
        ways.append(Way(name, by_model(model, (0.0, end), **settings), "bfloat16", CORES))
    usual, *others = race(ways, bench, effort.pictures, SEED)
    for run in (usual, *others):
        yield Row(run.way.name, median(usual.seconds / run.seconds), "x")
        yield Row("  FID-A", run.distance(bench), "")
        yield Row("  adherence to text", run.adherence(), "")
        yield Row("  intervals of FID-A overlap", overlap(usual.distance(bench), run.distance(bench)), "")
