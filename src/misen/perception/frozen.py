"""Networks that are looked through and never changed."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

from misen.nn.weights import load

Network = TypeVar("Network", bound=nn.Module)


def freeze(network: Network, folder: Path) -> Network:
    """Fill ``network`` from a model folder and take its gradients away; gradients in its inputs remain."""
    load(network, folder)
    return network.eval().requires_grad_(False)


def placed(network: Network, device: torch.device) -> Network:
    """A network on a device: itself where it is, and elsewhere a copy, which is made once and then kept.

    So what is opened once looks at pictures wherever they are; a network that learns is where its pictures are anyway.
    """
    if device == next(network.parameters()).device:
        return network
    copy: Network = _copied(network, device)
    return copy


@cache
def _copied(network: Any, device: torch.device) -> Any:
    return deepcopy(network).to(device)
