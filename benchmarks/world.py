"""Speed of the avatar world: 64 pixels, four samples per pixel, two processes of one thread each."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing.pool import Pool

import torch

from benchmarks.timing import Effort, Row, median, seconds
from misen.data.world import tell_truth
from misen.scene.renderer import render
from misen.scene.splits import TRAIN_A

WORKERS = 2
COUNT = 400
"""Avatars per worker and round."""
BATCH = 100


def pictures(worker: int, count: int) -> None:
    """Render images alone."""
    _each_batch(render, worker, count)


def records(worker: int, count: int) -> None:
    """Render everything that is aligned: image, classes, depth, normals, surface, landmarks, sketch, exemplar."""
    _each_batch(tell_truth, worker, count)


@torch.inference_mode()
def _each_batch(work: Callable[..., object], worker: int, count: int) -> None:
    for start in range(worker * COUNT, worker * COUNT + count, BATCH):
        work(TRAIN_A.records(start, min(BATCH, count)))


def rows(effort: Effort) -> Iterator[Row]:
    """Images per second, and records per second."""
    count = effort.of(COUNT)
    context = multiprocessing.get_context("spawn")
    with context.Pool(WORKERS, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        shares = (partial(_share, pool, work, count) for work in (pictures, records))
        images, everything = seconds(effort, *shares)
    yield Row("world, images alone", median(WORKERS * count / images), "1/s", ">= 100")
    yield Row("world, all pixel modalities", median(WORKERS * count / everything), "1/s", ">= 50")


def _share(pool: Pool, work: Callable[[int, int], None], count: int) -> None:
    pool.starmap(work, [(worker, count) for worker in range(WORKERS)], chunksize=1)
