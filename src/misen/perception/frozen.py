"""Networks that are looked through and never changed."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from torch import nn

from misen.nn.weights import load

Network = TypeVar("Network", bound=nn.Module)


def freeze(network: Network, folder: Path) -> Network:
    """Fill ``network`` from a model folder and take its gradients away; gradients in its inputs remain."""
    load(network, folder)
    return network.eval().requires_grad_(False)
