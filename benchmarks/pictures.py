"""Cost of a picture by sampler, and beside diffusers' own pipeline on the same folder with the same steps and scale."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import torch

import misen
from benchmarks.peers import stock_pipeline
from benchmarks.start import WORDS
from benchmarks.timing import Effort, Row, median, seconds
from misen.assembly import USUAL_MODEL


def rows(effort: Effort) -> Iterator[Row]:
    """Seconds per picture with the model's own number of steps."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    model = misen.load(USUAL_MODEL)
    steps, scale = effort.of(model.opened.defaults.steps), model.opened.defaults.scale
    settings = {"num_inference_steps": steps, "guidance_scale": scale}
    make = partial(model.synthesize, misen.Text(WORDS), seed=7, **settings)
    names = [*model.opened.samplers]
    times = seconds(effort, *(partial(make, sampler=name) for name in names))
    for name, taken in zip(names, times, strict=True):
        yield Row(f"a picture, {name}, {steps} steps, guided", median(taken), "s")
    own, stock = seconds(effort, partial(make, sampler="dpm++2m"), partial(stock_pipeline(), WORDS, **settings))
    torch.set_num_threads(threads)
    yield Row("  diffusers' pipeline / ours, dpm++2m", median(stock / own), "x")
