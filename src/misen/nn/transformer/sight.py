"""What may look at what, as numbers added to the logits of attention."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from misen.core.shapes import Counted

Bias = Float[Tensor, "_items 1 queries keys"]
"""Added to the logits: 0, or ``HIDDEN`` for what must not be looked at."""
Order = Bool[Tensor, "_items queries keys"]
"""True where a query may look at a key."""
HIDDEN = -10_000.0


def bias(counted: Counted | None, *orders: Order | None) -> Bias | None:
    """The bias of keys that count (B, S), under all of several orders (b, T, S); None where everything is seen."""
    seen = [order for order in orders if order is not None]
    if counted is not None:
        seen.append(counted[:, None])
    if not seen:
        return None
    visible = seen[0]
    for other in seen[1:]:
        visible = visible & other
    return torch.zeros(visible.shape, device=visible.device).masked_fill(~visible, HIDDEN)[:, None]


def causal(queries: int, fixed: int, device: torch.device) -> Order:
    """The order of a sequence whose first ``fixed`` tokens see each other, and the others those before them too."""
    index = torch.arange(queries, device=device)
    return ((index[None] <= index[:, None]) | (index[None] < fixed))[None]


def near(
    targets: Float[Tensor, "items queries 2"], places: Float[Tensor, "items keys 2"], window: tuple[int, int]
) -> Order:
    """Which places lie fewer rows and columns from each target than ``window`` counts; nowhere is near everything."""
    apart = (targets[:, :, None] - places[:, None]).abs()
    return ~(apart >= apart.new_tensor(window)).any(-1)
