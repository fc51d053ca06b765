"""A picture by the style-based generator, beside one by diffusion in 25 steps; both from their seed alone."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import misen
from benchmarks.timing import Effort, Row, median, seconds
from misen.assembly import USUAL_MODEL

MODEL = "avatars/gan"
STEPS = 25


def rows(effort: Effort) -> Iterator[Row]:
    """Milliseconds of each, and their ratio; diffusion is not guided, which would double its work."""
    made, stepped = misen.load(MODEL), misen.load(USUAL_MODEL)
    ways = partial(made.synthesize, seed=7), partial(stepped.synthesize, seed=7, num_inference_steps=effort.of(STEPS))
    fast, slow = seconds(effort, *ways)
    yield Row(f"a picture, {MODEL}", median(1000 * fast), "ms")
    yield Row(f"  {USUAL_MODEL}, {effort.of(STEPS)} steps", median(1000 * slow), "ms")
    yield Row("  diffusion / GAN", median(slow / fast), "x", ">= 20")
