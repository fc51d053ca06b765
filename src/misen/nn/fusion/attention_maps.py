"""Maps of attention, read and edited for a while in a network that knows nothing of it, and is left as it was.

Source: Hertz et al. 2022 (arXiv:2208.01626), section 3, for what can be done with them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Protocol, runtime_checkable

from diffusers.models.attention_processor import Attention, AttnAddedKVProcessor, AttnProcessor
from jaxtyping import Float
from torch import Tensor, nn

from misen.core.errors import Unreachable
from misen.nn.fusion.cross_attention import AttentionMaps, MatrixAttention


@runtime_checkable
class MapEdit(Protocol):
    """Sees the maps of every layer as it is computed, and says what they should be."""

    def concerns(self, *, crossing: bool, places: int) -> bool:
        """Whether it wants the maps of a layer of ``places`` places that looks at a sequence (or else at itself)."""
        ...

    def __call__(self, maps: AttentionMaps, *, crossing: bool) -> AttentionMaps:
        """The maps to go on with, of the same shape.

        Layers that look at a sequence and at themselves at once have the sequence first among their keys.
        """
        ...


@contextmanager
def edited(network: nn.Module, edit: MapEdit) -> Iterator[None]:
    """Within, the maps of all attention in ``network`` pass through ``edit``; afterwards the network is as before.

    Args:
        network: any whose attention is diffusers' ``Attention``.
        edit: sees the maps of the layers that concern it; the others are computed as ever.

    Raises:
        Unreachable: the network has no attention, or one with weights beside the layer's own.
    """
    layers = [module for module in network.modules() if isinstance(module, Attention)]
    usual = [layer.processor for layer in layers]
    if not layers or any(isinstance(processor, nn.Module) for processor in usual):
        found = "an adapter inside its attention" if layers else "no attention"
        raise Unreachable(f"maps of attention cannot be edited in a model with {found}", field="model")
    try:
        for layer, processor in zip(layers, usual, strict=True):
            layer.set_processor(_Edited(processor, edit))
        yield
    finally:
        for layer, processor in zip(layers, usual, strict=True):
            layer.set_processor(processor)


class _Edited:
    """Stands in for a layer's processor, with products of matrices that leave the maps to be seen."""

    def __init__(self, usual: Any, edit: MapEdit) -> None:
        self.usual, self.edit = usual, edit

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
    ) -> Tensor:
        """What diffusers asks of a processor."""
        crossing = encoder_hidden_states is not None
        places = hidden_states.flatten(2).shape[2] if hidden_states.ndim == 4 else hidden_states.shape[1]
        sources = {"encoder_hidden_states": encoder_hidden_states, "attention_mask": attention_mask}
        if not self.edit.concerns(crossing=crossing, places=places):
            usual: Tensor = self.usual(attn, hidden_states, **sources)
            return usual
        edit = partial(self.edit, crossing=crossing)
        result: Tensor = self._plain(attn, edit, len(hidden_states))(hidden_states, **sources)
        return result

    def _plain(self, layer: Attention, edit: Callable[[AttentionMaps], AttentionMaps], batch: int) -> Any:
        """What the layer computes, with its maps edited; for our own processor to the last bit."""
        if isinstance(self.usual, MatrixAttention):
            return partial(MatrixAttention(edit), layer)
        stock = AttnProcessor() if layer.added_kv_proj_dim is None else AttnAddedKVProcessor()
        return partial(stock, _Layer(layer, edit, batch))


class _Layer:
    """A layer of attention as its processor sees it, but for its maps."""

    def __init__(self, layer: Attention, edit: Callable[[AttentionMaps], AttentionMaps], batch: int) -> None:
        self.layer, self.edit, self.batch = layer, edit, batch

    def __getattr__(self, name: str) -> Any:
        return getattr(self.layer, name)

    def get_attention_scores(
        self, query: Tensor, key: Tensor, attention_mask: Tensor | None = None
    ) -> Float[Tensor, "batch_heads places keys"]:
        """The layer's maps, edited."""
        maps: Tensor = self.layer.get_attention_scores(query, key, attention_mask)
        return self.edit(maps.unflatten(0, (self.batch, -1))).flatten(0, 1)
