"""How well a codebook is used: how many codes are chosen at all, and how evenly."""

from __future__ import annotations

import torch

from misen.nn.quantizer.interface import Counts, Indices


def occurrences(indices: Indices, codes: int) -> Counts:
    """(G, K): how often each of ``codes`` codes is chosen."""
    chosen = indices.movedim(1, 0).flatten(1)
    counts = torch.zeros(len(chosen), codes, device=indices.device)
    return counts.scatter_add_(1, chosen, torch.ones_like(chosen, dtype=counts.dtype))


def usage(counts: Counts) -> float:
    """Share of the codes that were chosen at least once, in [0, 1]; the mean over the groups."""
    return (counts > 0).float().mean().item()


def perplexity(counts: Counts) -> float:
    """The number of codes that, chosen evenly, would tell as much, in [1, K]; the mean over the groups."""
    shares = counts / counts.sum(1, keepdim=True)
    return float(torch.special.entr(shares).sum(1).exp().mean())
