"""Folders of diffusers' as the single files that Stable Diffusion was first published in: the names of before."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import Tensor

Rules = tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...]
RESIDUAL: Rules = (
    (r"norm1", "in_layers.0"), (r"conv1", "in_layers.2"), (r"norm2", "out_layers.0"), (r"conv2", "out_layers.3"),
    (r"time_emb_proj", "emb_layers.1"), (r"conv_shortcut", "skip_connection"),
)  # fmt: skip
ATTENTION: Rules = (
    (r"group_norm", "norm"), (r"to_out\.0", "proj_out"), (r"to_([qkv])", r"\1"),
)  # fmt: skip


def write(folder: Path, file: Path, **more: Tensor) -> Path:
    """Put the networks of a folder, and ``more``, into ``file`` under their original names."""
    tensors: dict[str, Tensor] = {}
    for part, renamed in NETWORKS.items():
        (weights,) = (folder / part).glob("*.safetensors")
        tensors |= renamed(load_file(weights))
    save_file({name: tensor.contiguous() for name, tensor in (tensors | more).items()}, file)
    return file


def _blocks(tensors: Mapping[str, Tensor]) -> int:
    """Layers per block on the way up."""
    return len({name.split(".")[3] for name in tensors if name.startswith("up_blocks.0.resnets.")})


def _unet(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    layers = _blocks(tensors)
    attends = {name.split(".")[1] for name in tensors if re.match(r"up_blocks\.\d+\.attentions", name)}

    def place(way: str, first: int, slot: int) -> Callable[[re.Match[str]], str]:
        return lambda found: f"{way}_blocks.{first + int(found[1]) * layers + int(found[2])}.{slot}"

    def enlarging(found: re.Match[str]) -> str:
        return f"output_blocks.{int(found[1]) * layers + layers - 1}.{2 if found[1] in attends else 1}.conv"

    rules: Rules = (
        (r"down_blocks\.(\d+)\.resnets\.(\d+)", place("input", 1, 0)),
        (r"down_blocks\.(\d+)\.attentions\.(\d+)", place("input", 1, 1)),
        (r"down_blocks\.(\d+)\.downsamplers\.0\.conv", lambda f: f"input_blocks.{(int(f[1]) + 1) * layers}.0.op"),
        (r"up_blocks\.(\d+)\.resnets\.(\d+)", place("output", 0, 0)),
        (r"up_blocks\.(\d+)\.attentions\.(\d+)", place("output", 0, 1)),
        (r"up_blocks\.(\d+)\.upsamplers\.0\.conv", enlarging),
        (r"mid_block\.resnets\.(\d)", lambda found: f"middle_block.{2 * int(found[1])}"),
        (r"mid_block\.attentions\.0", "middle_block.1"),
        (r"time_embedding\.linear_1", "time_embed.0"), (r"time_embedding\.linear_2", "time_embed.2"),
        (r"conv_in", "input_blocks.0.0"), (r"conv_norm_out", "out.0"), (r"conv_out", "out.2"),
    )  # fmt: skip
    residual = {name: RESIDUAL if ".resnets." in name else () for name in tensors}
    return {
        f"model.diffusion_model.{_renamed(name, (*rules, *residual[name]))}": tensor for name, tensor in tensors.items()
    }


def _autoencoder(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    top = max(int(found[1]) for name in tensors if (found := re.match(r"decoder\.up_blocks\.(\d+)", name)))
    rules: Rules = (
        (r"down_blocks\.(\d+)\.resnets", r"down.\1.block"),
        (r"down_blocks\.(\d+)\.downsamplers\.0", r"down.\1.downsample"),
        (r"up_blocks\.(\d+)\.resnets", lambda found: f"up.{top - int(found[1])}.block"),
        (r"up_blocks\.(\d+)\.upsamplers\.0", lambda found: f"up.{top - int(found[1])}.upsample"),
        (r"mid_block\.resnets\.(\d)", lambda found: f"mid.block_{int(found[1]) + 1}"),
        (r"conv_norm_out", "norm_out"), (r"conv_shortcut", "nin_shortcut"),
    )  # fmt: skip

    def original(name: str, tensor: Tensor) -> tuple[str, Tensor]:
        if "attentions" not in name:
            return _renamed(name, rules), tensor
        inner = _renamed(name, ((r"mid_block\.attentions\.0", "mid.attn_1"), *ATTENTION))
        return inner, tensor[..., None, None] if tensor.ndim == 2 else tensor

    pairs = (original(name, tensor) for name, tensor in tensors.items())
    return {f"first_stage_model.{name}": tensor for name, tensor in pairs}


def _text_encoder(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    bare = {name.removeprefix("text_model."): tensor for name, tensor in tensors.items()}
    return {f"cond_stage_model.transformer.text_model.{name}": tensor for name, tensor in bare.items()}


def _renamed(name: str, rules: Any) -> str:
    for pattern, new in rules:
        name = re.sub(pattern, new, name)
    return name


NETWORKS: Mapping[str, Callable[[Mapping[str, Tensor]], dict[str, Tensor]]] = {
    "unet": _unet,
    "vae": _autoencoder,
    "text_encoder": _text_encoder,
}
"""What gives the tensors of each network their original names."""
