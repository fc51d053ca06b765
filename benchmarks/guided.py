"""Guided editing: gradients where the network foresees the picture, beside gradients through network and full decoder.

All edit the same picture towards the same words by the same energy, in as many steps of the unconditional network; the
judge says how well each obeys.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from torch import Tensor

import misen
from benchmarks.race import Make, Run, Way, engines, fastest, race
from benchmarks.timing import Effort, Row, median, overlap
from misen import Guidance, Text
from misen.app import Model
from misen.app.evaluate.examination import standard
from misen.assembly import USUAL_MODEL
from misen.core.execution import Execution
from misen.core.guidance import Consistency

STEPS, STRENGTH = 20, 0.6
INTERVAL = 2
"""Ours, where something is kept: the whole network is asked, and gradients are taken, in one of so many steps."""
THREADS = 2
PICTURES = 100
"""At most, by which times and quality are measured."""


def without_tiny_decoder(model: Model) -> Model:
    """The same model, which looks at estimates through the full decoder."""
    generator: Any = copy.copy(model.opened.generator)
    generator.tiny = None
    return Model(replace(model.opened, generator=generator))


def ways(effort: Effort) -> Iterator[Way]:
    """Through everything first, then ours, from the nearest to the fastest."""
    model, exact, half = misen.load(USUAL_MODEL), Execution(threads=THREADS), Execution("bfloat16", threads=THREADS)
    picture = model.synthesize(Text("a bald man with sunglasses"), seed=5).images[0].tensor
    settings = {"num_inference_steps": effort.of(STEPS), "strength": STRENGTH}

    def by(given: Model, how: Consistency, **further: Any) -> Make:
        editor = Model(given.opened)  # its own: a model keeps itself ready in one way of running at a time

        def make(prompt: Text, seed: int) -> Tensor:
            wish = Guidance(signal=prompt, route="consistency", consistency=how)
            return editor.edit(picture, wish, seed=seed, **settings, **further).images[0].tensor[None]

        return make

    through, seldom = Consistency(through=True), Consistency(interval=INTERVAL)
    kept = {"cache_interval": INTERVAL}
    deep = by(without_tiny_decoder(model), through, accelerate=exact)
    yield Way("through network and full decoder", deep, "float32", THREADS)
    yield Way("at the predicted picture", by(model, Consistency(), accelerate=exact), "float32", THREADS)
    yield Way("the same, features kept", by(model, Consistency(), accelerate=exact, **kept), "float32", THREADS)
    yield Way("in bfloat16", by(model, Consistency(), accelerate=half, **kept), "bfloat16", THREADS)
    makes = [by(model, seldom, accelerate=replace(half, engine=engine), **kept) for engine in engines()]
    yield fastest([Way("gradients kept as well", make, "bfloat16", THREADS) for make in makes], effort)


def rows(effort: Effort) -> Iterator[Row]:
    """Time of an edit, ratios to what goes through everything, and how well each obeys."""
    bench = standard()
    first, *others = race(list(ways(effort)), bench, min(PICTURES, effort.pictures))
    yield Row(f"guided edit {first.way.name}, {THREADS} threads", median(first.seconds), "s")
    yield from _obeyed(first, first)
    for run in others:
        yield Row(f"  through / {run.way.name}", median(first.seconds / run.seconds), "x", _bar(run is others[-1]))
        yield from _obeyed(run, first)


def _obeyed(run: Run, first: Run) -> Iterator[Row]:
    yield Row("    adherence to text", run.adherence(), "")
    yield Row("    intervals of adherence overlap", overlap(run.adherence(), first.adherence()), "")


def _bar(last: bool) -> str:
    return ">= 3" if last else ""
