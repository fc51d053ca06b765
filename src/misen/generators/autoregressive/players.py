"""How the networks learn: the next token after those before it, or masked tokens beside those that are shown.

Items whose guidances have about as many tokens are read together, since what one item lacks would else be computed for
nothing. Which guidances an item has is decided where batches are made.

Source: Esser et al. 2021 (arXiv:2012.09841), equation 8; Chang et al. 2022 (arXiv:2202.04200), section 3.1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from misen.core.shapes import Scalar
from misen.generators.autoregressive.masked import MaskedNetwork
from misen.generators.autoregressive.network import TokenNetwork
from misen.generators.autoregressive.prefix import Conditions
from misen.generators.autoregressive.raster import RasterNetwork
from misen.generators.autoregressive.schedule import USUAL, left
from misen.generators.autoregressive.tokens import UNDECIDED, CellFlags, Scores, TokenMap, grid_of

PARTS = 4
"""In how many parts a batch is read."""
Loss = tuple[Scalar, Mapping[str, float]]


class RasterPlayer:
    """Batches hold "tokens" (B, h, w) and "conditions" by port."""

    name = "network"

    def __init__(self, network: RasterNetwork) -> None:
        self.network = network
        self.module: nn.Module = network

    def loss(self, batch: Mapping[str, Any], step: int) -> Loss:
        """The mean cross-entropy of every token after those before it, in nats."""
        errors = torch.cat([
            surprise(self.network(tokens, conditions), tokens) for tokens, conditions in parts(self.network, batch)
        ])  # fmt: skip
        rows = errors.detach().mean((0, 2))
        return errors.mean(), {"first_row": rows[0].item(), "last_row": rows[-1].item()}


class MaskedPlayer:
    """Batches hold "tokens" (B, h, w) and "conditions" by port."""

    name = "network"

    def __init__(self, network: MaskedNetwork) -> None:
        self.network = network
        self.module: nn.Module = network

    def loss(self, batch: Mapping[str, Any], step: int) -> Loss:
        """The mean cross-entropy of the tokens that are masked, in nats; the others are not asked for."""
        told = [self._part(tokens, conditions) for tokens, conditions in parts(self.network, batch)]
        errors, masks = (torch.cat(some) for some in zip(*told, strict=True))
        many = masks.float().mean((1, 2)) >= 0.5
        shares = {"few_masked": ~many, "many_masked": many}
        figures = {name: errors.detach()[rows][masks[rows]] for name, rows in shares.items()}
        return errors[masks].mean(), {name: some.mean().item() for name, some in figures.items() if len(some)}

    def _part(self, tokens: TokenMap, conditions: Conditions) -> tuple[Tensor, CellFlags]:
        """The surprise at every token, and which of them were masked."""
        masks = draw_masks(tokens)
        return surprise(self.network(tokens.masked_fill(masks, UNDECIDED), [conditions]), tokens), masks


def surprise(scores: Scores, tokens: TokenMap) -> Float[Tensor, "batch rows columns"]:
    """(B, h, w) negative logarithms of the probabilities of tokens."""
    return functional.cross_entropy(scores.float(), tokens, reduction="none")


def draw_masks(tokens: TokenMap) -> CellFlags:
    """Which tokens are masked: as many as are undecided at a time of the walk that is drawn for each item."""
    cells = tokens[0].numel()
    counts = [left(USUAL, float(time), torch.tensor([cells])) for time in torch.rand(len(tokens))]
    rank = torch.rand(len(tokens), cells).argsort(1).argsort(1)
    masks: Tensor = rank < torch.cat(counts).clamp(min=1)[:, None]
    return masks.view_as(tokens).to(tokens.device)


def parts(network: TokenNetwork, batch: Mapping[str, Any]) -> Iterator[tuple[TokenMap, Conditions]]:
    """A batch in parts, the items with the fewest tokens of guidance first."""
    tokens, conditions = batch["tokens"], batch["conditions"]
    lengths = network.prefix.lengths(conditions, len(tokens), grid_of(tokens))
    for rows in lengths.argsort(stable=True).to(tokens.device).chunk(PARTS):
        yield tokens[rows], {name: condition[rows] for name, condition in conditions.items()}
