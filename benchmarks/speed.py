"""Pictures of equal quality: ours beside diffusers' pipeline, on the same weights, wishes and cores, in one run.

Peers are diffusers' pipeline at its defaults and in its best documented setting for a CPU. Ours are the same steps in
the usual way, the fast way, and the few-step student where one is installed. All have the model's own guidance scale.
Where threads or a compiler may or may not pay, everybody gets what is fastest here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

import misen
from benchmarks.peers import stock_pipeline, tuned_pipeline
from benchmarks.race import Make, Run, Way, engines, fastest, race
from benchmarks.roof import roofs
from benchmarks.timing import Effort, Row, exactly, median, overlap
from misen import Guidance, Text
from misen.app import Model
from misen.app.evaluate.examination import Examination, standard
from misen.assembly import USUAL_MODEL
from misen.core.errors import NotFoundError
from misen.core.execution import Execution
from misen.metrics.bootstrap import centred
from misen.metrics.fid import Moments, frechet_distance
from misen.perception.figures import Figure
from misen.recipes.train_tiny_decoder import gflop

STUDENT = "avatars/diffusion-fast"
CORES = 2
DEFAULT_STEPS, TUNED_STEPS = 50, 20
"""Of diffusers: of its pipeline, and as its documentation advises for DPM-Solver++."""
FAST_STEPS, FAST_WINDOW = 15, (0.0, 0.8)
"""Ours: steps, and the part of the walk that is guided. 27 evaluations, where 20 guided steps take 40 and 50 take 100;
with so few steps, features that are kept from one to the next cost quality. ``python -m benchmarks settings`` compares.
"""


# --- who takes part --------------------------------------------------------------------------------------------------


def by_pipeline(pipeline: Any, steps: int, scale: float) -> Make:
    """diffusers' pipeline as a way of making pictures."""

    def make(prompt: Text, seed: int) -> Tensor:
        draws = torch.Generator().manual_seed(seed)
        settings = {"num_inference_steps": steps, "guidance_scale": scale, "generator": draws}
        image: Tensor = pipeline(prompt.prompts[0], output_type="pt", **settings).images
        return 2 * image.float() - 1

    return make


def by_model(model: Model, window: tuple[float, float] = (0.0, 1.0), **settings: Any) -> Make:
    """One of our models as a way of making pictures."""

    def make(prompt: Text, seed: int) -> Tensor:
        return model.synthesize(Guidance(signal=prompt, window=window), seed=seed, **settings).images[0].tensor[None]

    return make


def stock(scale: float, effort: Effort) -> Way:
    """diffusers at its defaults."""
    make = by_pipeline(stock_pipeline(), effort.of(DEFAULT_STEPS), scale)
    ways = [Way("diffusers, defaults", make, "float32", threads) for threads in (1, CORES)]
    return fastest(ways, effort)


def tuned(scale: float, effort: Effort) -> Way:
    """diffusers in its best setting."""
    steps = effort.of(TUNED_STEPS)
    plain, *others = (by_pipeline(tuned_pipeline(engine), steps, scale) for engine in engines())
    ways = [
        Way("diffusers, best setting", make, "bfloat16", threads, plain)
        for make, threads in product((plain, *others), (1, CORES))
    ]
    return fastest(ways, effort)


def usual(model: Model, effort: Effort) -> Way:
    """Ours as it comes: every step whole and guided, in single precision, by one thread, the same everywhere."""
    make = by_model(model, num_inference_steps=effort.of(TUNED_STEPS))
    return Way("misen, as usual", make, "float32", 1)


def fast(model: Model, effort: Effort) -> Way:
    """Ours in fewer steps, of which the last are not guided."""
    steps = effort.of(FAST_STEPS)
    return accelerated("misen, fast", model, effort, window=FAST_WINDOW, num_inference_steps=steps)


def student(effort: Effort) -> list[Way]:
    """The few-step student with its own defaults, if it is installed."""
    try:
        return [accelerated("misen, few-step student", misen.load(STUDENT), effort)]
    except NotFoundError:
        return []


def accelerated(name: str, model: Model, effort: Effort, **settings: Any) -> Way:
    """The fastest way of running a model."""
    ways = []
    for threads, engine in product((1, CORES), engines()):
        plain = by_model(model, accelerate=Execution("bfloat16", "eager", threads), **settings)
        make = by_model(model, accelerate=Execution("bfloat16", engine, threads), **settings)
        ways.append(Way(name, make, "bfloat16", threads, plain))
    return fastest(ways, effort)


# --- what is told of them --------------------------------------------------------------------------------------------


def rows(effort: Effort) -> Iterator[Row]:
    """Roofs, then what each way took and how good it is, then how they compare."""
    threads = torch.get_num_threads()
    torch.set_num_threads(CORES)
    roof = roofs(effort)
    model, bench = misen.load(USUAL_MODEL), standard()
    scale = model.opened.defaults.scale
    ways = [stock(scale, effort), tuned(scale, effort), usual(model, effort), fast(model, effort), *student(effort)]
    runs = race(ways, bench, effort.pictures)
    torch.set_num_threads(threads)
    for precision, rates in roof.items():
        yield Row(f"roof, {precision}, {CORES} threads", median(rates), "GFLOP/s")
    for run in runs:
        yield from _alone(run, float(roof[run.way.precision].quantile(0.5)), bench)
    yield from _compared(runs, bench)


def _alone(run: Run, roof: float, bench: Examination) -> Iterator[Row]:
    """What a way took, and how good its pictures are."""
    work = _work(run.way)
    yield Row(f"{run.way.name}, {run.way.threads} threads", median(run.seconds), "s")
    yield Row("  operations", exactly(work), "GFLOP")
    yield Row(f"  of the roof in {run.way.precision}", median(100 * work / run.seconds / roof), "%")
    yield Row("  FID-A", run.distance(bench), "")
    yield Row("  adherence to text", run.adherence(), "")


def _compared(runs: Sequence[Run], bench: Examination) -> Iterator[Row]:
    """How peers compare with our fast way, and the student with its teacher."""
    default, best, teacher, ours, *students = runs
    for peer, bar in ((default, ">= 3"), (best, ">= 1.3")):
        yield Row(f"{peer.way.name} / {ours.way.name}, time", median(peer.seconds / ours.seconds), "x", bar)
        yield Row("  intervals of FID-A overlap", overlap(peer.distance(bench), ours.distance(bench)), "", "1")
        yield Row("  intervals of adherence overlap", overlap(peer.adherence(), ours.adherence()), "", "1")
    for one in students:
        yield Row("student's FID-A / teacher's", ratio(one, teacher, bench), "x", "<= 1.5")
        yield Row("  time, diffusers' defaults / student", median(default.seconds / one.seconds), "x")


def _work(way: Way) -> float:
    """GFLOP of a picture; attention is taken apart, since fused operations are not counted."""
    torch.set_num_threads(way.threads)
    with sdpa_kernel(SDPBackend.MATH):
        return gflop(lambda: (way.plain or way.make)(Text("a bald man"), 0))


def ratio(one: Run, other: Run, bench: Examination) -> Figure:
    """The ratio of two ways' FID-A, paired by picture."""

    def statistic(items: Tensor) -> float:
        made, base = (Moments.of(run.survey.features[items]) for run in (one, other))
        moments = bench.reference.moments
        return frechet_distance(moments, made) / frechet_distance(moments, base)

    return centred(statistic, len(one.seconds))
