"""The tiny decoder beside the large one: arithmetic counted, time measured, one thread, one picture at a time."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from benchmarks.timing import Effort, Row, median, seconds
from misen.codecs import shipped
from misen.perception.figures import Figure
from misen.recipes.train_tiny_decoder import gflop


@torch.inference_mode()
def rows(effort: Effort) -> Iterator[Row]:
    """GFLOP per picture and wall time, each as a ratio."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    large, tiny = shipped.autoencoder(), shipped.tiny_decoder()
    latents = large.encode(torch.zeros(1, 3, 64, 64)).latent_dist.mode()
    cost, cost_large = gflop(lambda: tiny(latents)), gflop(lambda: large.decode(latents))
    slow, fast = seconds(effort, lambda: large.decode(latents), lambda: tiny(latents))
    torch.set_num_threads(threads)
    share = cost / cost_large
    yield Row("tiny decoder / decoder, arithmetic", Figure(share, share, share, 1), "x", "<= 0.2")
    yield Row("tiny decoder / decoder, time", median(fast / slow), "x")
    yield Row("decoder", median(1000 * slow), "ms")
