"""Guided editing: gradients where the network foresees the picture, beside gradients through network and full decoder.

Both edit the same picture towards the same words by the same energy, in as many steps of the unconditional network.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import misen
from benchmarks.start import WORDS
from benchmarks.timing import Effort, Row, median, seconds
from misen import Guidance, Text
from misen.app import Model
from misen.assembly import USUAL_MODEL
from misen.core.execution import Execution
from misen.core.guidance import Consistency

STEPS, STRENGTH = 20, 0.6
INTERVAL = 2
"""Ours, where features are kept: the whole network is asked in one of so many predictions."""
THREADS = 2


def without_tiny_decoder(model: Model) -> Model:
    """The same model, which looks at estimates through the full decoder."""
    generator: Any = copy.copy(model.opened.generator)
    generator.tiny = None
    return Model(replace(model.opened, generator=generator))


def rows(effort: Effort) -> Iterator[Row]:
    """Time of an edit, and ratios to what goes through everything."""
    model = misen.load(USUAL_MODEL)
    picture = model.synthesize(Text("a bald man with sunglasses"), seed=5).images[0].tensor
    wish = Guidance(signal=Text(WORDS), route="consistency")
    deep = replace(wish, consistency=Consistency(through=True))
    settings = {"num_inference_steps": effort.of(STEPS), "strength": STRENGTH, "seed": 5}
    exact, half = Execution(threads=THREADS), Execution("bfloat16", threads=THREADS)
    through, ours, kept, fast = seconds(
        effort,
        partial(without_tiny_decoder(model).edit, picture, deep, accelerate=exact, **settings),
        partial(model.edit, picture, wish, accelerate=exact, **settings),
        partial(model.edit, picture, wish, accelerate=exact, cache_interval=INTERVAL, **settings),
        partial(model.edit, picture, wish, accelerate=half, cache_interval=INTERVAL, **settings),
    )
    yield Row(f"guided edit through network and full decoder, {THREADS} threads", median(through), "s")
    yield Row("  through / at the predicted picture", median(through / ours), "x")
    yield Row("  through / the same with features kept", median(through / kept), "x")
    yield Row("  through / the same in bfloat16", median(through / fast), "x", ">= 3")
