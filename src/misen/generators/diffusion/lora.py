"""LoRA: changes of low rank to a U-Net's attention, learned through peft and kept in the format of diffusers.

Source: Hu et al. 2021 (arXiv:2106.09685), equation 3, with alpha equal to the rank.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from misen.core.errors import ConfigError, ModelFileError
from misen.nn.weights import read_tensors, write_tensors

FILE = "pytorch_lora_weights.safetensors"
PREFIX = "unet."
"""Of the names in a file, which may hold layers of other networks too."""
TARGETS = ("to_q", "to_k", "to_v", "to_out.0")
"""Layers of attention that change."""
SPELLINGS = (
    (".lora.down.weight", ".lora.up.weight"), (".lora_A.weight", ".lora_B.weight"),
    (".lora_down.weight", ".lora_up.weight"), (".lora_linear_layer.down.weight", ".lora_linear_layer.up.weight"),
)  # fmt: skip
"""How diffusers, peft and others name the two factors of a layer."""
ALPHA = ".alpha"
"""Ends the name of a number, beside two factors: their product counts that number divided by their rank."""

Factors = Mapping[str, Tensor]
"""As in a file: two matrices, (rank, inputs) and (outputs, rank), for each layer."""
Layer = nn.Linear | nn.Conv2d


def attach(unet: Any, rank: int) -> list[nn.Parameter]:
    """Put factors beside the attention of a stock U-Net; the parameters that are to learn, which change nothing yet.

    Raises:
        ConfigError: peft is not installed.
    """
    try:
        from peft import LoraConfig
    except ImportError as error:
        hint = "pip install 'misen[train]', or set model.rank = 0 to tune all weights"
        raise ConfigError("tuning by LoRA needs peft, which is not installed", field="model.rank", hint=hint) from error
    unet.add_adapter(LoraConfig(r=rank, lora_alpha=rank, init_lora_weights="gaussian", target_modules=list(TARGETS)))
    return [parameter for name, parameter in unet.named_parameters() if ".lora_" in name]


def detach(unet: Any) -> Factors:
    """What was learned; the U-Net is again what it was before ``attach``."""
    from diffusers.utils.state_dict_utils import convert_state_dict_to_diffusers
    from peft.utils import get_peft_model_state_dict

    learned = convert_state_dict_to_diffusers(get_peft_model_state_dict(unet))
    unet.unload_lora()
    return {f"{PREFIX}{name}": tensor.detach().clone() for name, tensor in learned.items()}


def merge(unet: nn.Module, factors: Factors, strength: float = 1.0) -> Callable[[], None]:
    """Add ``strength`` times the products of the factors to a U-Net's weights.

    Returns:
        Puts back, bit for bit, the weights that there were.

    Raises:
        ModelFileError: the factors are of another network.
    """
    return merge_layers({f"{PREFIX}{name}": layer for name, layer in layers(unet)}, factors, strength)


def layers(network: nn.Module) -> Iterator[tuple[str, Layer]]:
    """Every layer that factors may change, with its name."""
    for name, layer in network.named_modules():
        if isinstance(layer, Layer):
            yield name, layer


@torch.no_grad()
def merge_layers(named: Mapping[str, Layer], factors: Factors, strength: float = 1.0) -> Callable[[], None]:
    """The same for layers by the names that they may have in a file; one layer may have several."""
    pairs = list(_pairs(named, factors))
    kept = [(layer.weight, layer.weight.clone()) for layer, _ in pairs]
    for layer, product in pairs:
        layer.weight += strength * product.to(layer.weight)

    @torch.no_grad()
    def restore() -> None:
        for weight, before in kept:
            weight.copy_(before)

    return restore


def save(folder: Path, factors: Factors) -> str:
    """Write ``folder / "pytorch_lora_weights.safetensors"``; its SHA-256."""
    return write_tensors({name: tensor.cpu().contiguous() for name, tensor in factors.items()}, folder / FILE)


def read(path: Path) -> Factors:
    """The factors in a file, or in a folder that holds one.

    Raises:
        NotFoundError: there is no such file.
        ModelFileError: it is no such file.
    """
    return read_tensors(path / FILE if path.is_dir() else path)


def _pairs(named: Mapping[str, Layer], factors: Factors) -> Iterator[tuple[Layer, Tensor]]:
    """Every layer that changes, with what is added to its weights."""
    for name, tensor in factors.items():
        ends = next((ends for ends in (*SPELLINGS, (ALPHA, ALPHA)) if name.endswith(ends)), None)
        stem = name if ends is None else name.removesuffix(ends[0]).removesuffix(ends[1])
        if ends is None or stem not in named:
            raise _foreign(name)
        if name.endswith(ends[0]) and ends[0] != ALPHA:
            up, alpha = factors.get(stem + ends[1]), factors.get(stem + ALPHA)
            yield named[stem], _product(name, named[stem], tensor, up, alpha)


def _product(name: str, layer: Layer, down: Tensor, up: Tensor | None, alpha: Tensor | None) -> Tensor:
    """Of two factors, in the shape of the layer's weights."""
    shape = layer.weight.shape
    if up is None or up.shape[:2] != (shape[0], len(down)) or down.shape[1:] != shape[1:]:
        raise _foreign(name)
    share = 1.0 if alpha is None else float(alpha) / len(down)
    return share * (up.float().flatten(1) @ down.float().flatten(1)).reshape(shape)


def _foreign(name: str) -> ModelFileError:
    hint = "use the model that it was tuned on"
    return ModelFileError(f"the LoRA belongs to another network: {name!r} fits none of its layers", hint=hint)
