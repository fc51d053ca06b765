"""What the shapes of an original Stable Diffusion checkpoint tell of its networks, in the words of diffusers.

Source: Rombach et al. 2022 (arXiv:2112.10752), appendix E, for what shapes do not tell: 8 heads of attention, groups
of 32 channels, latents scaled by 0.18215.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

Shape = tuple[int, ...]
Shapes = Mapping[str, Shape]
"""Of tensors by their original names, without what the names of a network's tensors all begin with."""

HEADS, HEAD_WIDTH = 8, 64
"""Heads of the U-Net's attention; width of a head of the text encoder's."""


def unet(shapes: Shapes) -> dict[str, Any]:
    """The configuration of a U-Net that predicts from latents and words."""
    levels = _levels(shapes)
    attending = [any(f"input_blocks.{index}.1.proj_in.weight" in shapes for index in level) for level in levels]
    keys = next(shape for name, shape in shapes.items() if name.endswith("attn2.to_k.weight"))
    return {
        "_class_name": "UNet2DConditionModel",
        "sample_size": 64,
        "in_channels": shapes["input_blocks.0.0.weight"][1],
        "out_channels": shapes["out.2.weight"][0],
        "block_out_channels": [shapes[f"input_blocks.{level[-1]}.0.out_layers.3.weight"][0] for level in levels],
        "layers_per_block": len(levels[0]),
        "down_block_types": ["CrossAttnDownBlock2D" if attends else "DownBlock2D" for attends in attending],
        "up_block_types": ["CrossAttnUpBlock2D" if attends else "UpBlock2D" for attends in reversed(attending)],
        "cross_attention_dim": keys[1],
        "attention_head_dim": HEADS,
    }


def _levels(shapes: Shapes) -> list[list[int]]:
    """Indices of the blocks of layers on the way down, by resolution: a change of resolution ends a level."""
    levels: list[list[int]] = [[]]
    for index in range(1, count(r"input_blocks\.(\d+)\.", shapes)):
        if f"input_blocks.{index}.0.op.weight" in shapes:
            levels.append([])
        else:
            levels[-1].append(index)
    return levels


def autoencoder(shapes: Shapes) -> dict[str, Any]:
    """The configuration of an autoencoder with a KL bottleneck."""
    levels = count(r"encoder\.down\.(\d+)\.", shapes)
    return {
        "_class_name": "AutoencoderKL",
        "sample_size": 512,
        "in_channels": shapes["encoder.conv_in.weight"][1],
        "out_channels": shapes["decoder.conv_out.weight"][0],
        "latent_channels": shapes["decoder.conv_in.weight"][1],
        "block_out_channels": [shapes[f"encoder.down.{level}.block.0.conv1.weight"][0] for level in range(levels)],
        "layers_per_block": count(r"encoder\.down\.0\.block\.(\d+)\.", shapes),
        "down_block_types": ["DownEncoderBlock2D"] * levels,
        "up_block_types": ["UpDecoderBlock2D"] * levels,
        "scaling_factor": 0.18215,
    }


def text_encoder(shapes: Shapes) -> dict[str, Any]:
    """The configuration of CLIP's text encoder."""
    words, width = shapes["text_model.embeddings.token_embedding.weight"]
    return {
        "architectures": ["CLIPTextModel"],
        "model_type": "clip_text_model",
        "vocab_size": words,
        "hidden_size": width,
        "projection_dim": width,
        "intermediate_size": shapes["text_model.encoder.layers.0.mlp.fc1.weight"][0],
        "num_attention_heads": width // HEAD_WIDTH,
        "num_hidden_layers": count(r"text_model\.encoder\.layers\.(\d+)\.", shapes),
        "max_position_embeddings": shapes["text_model.embeddings.position_embedding.weight"][0],
        "bos_token_id": words - 2,
        "eos_token_id": words - 1,
        "pad_token_id": 1,
    }


def count(pattern: str, names: Collection[str]) -> int:
    """How many different numbers stand where ``pattern`` has its group, at the start of names."""
    return len({found[1] for name in names if (found := re.match(pattern, name))})
