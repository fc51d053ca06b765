"""Other people's models in miniature: random weights, written by the libraries that real ones are written by."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers import AutoencoderKL, ControlNetModel, DDIMScheduler, UNet2DConditionModel, UNet2DModel, VQModel
from diffusers.pipelines.latent_diffusion.pipeline_latent_diffusion import LDMBertConfig, LDMBertModel
from transformers import (
    BertTokenizer,
    CLIPConfig,
    CLIPImageProcessorPil,
    CLIPModel,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    CLIPVisionConfig,
)

WORDS = ("a", "red", "blue", "circle", "square", "on", "grass")
WIDTH = 32
SCHEDULER = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "steps_offset": 1,
    "clip_sample": False,
    "set_alpha_to_one": False,
}
"""As in the folder of Stable Diffusion 1.5."""


def tokenizer(folder: Path) -> CLIPTokenizer:
    """A tokenizer that spells every word of ``WORDS`` as one token, and all others by their letters."""
    letters = [chr(code) for code in [*range(33, 127), *range(161, 173), *range(174, 512)]]
    merges = [pair for word in WORDS for pair in _merges(word)]
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), *dict.fromkeys("".join(pair) for pair in merges)]
    vocabulary = dict.fromkeys([*tokens, "<|startoftext|>", "<|endoftext|>"])
    folder.mkdir(parents=True)
    (folder / "vocab.json").write_text(json.dumps({token: index for index, token in enumerate(vocabulary)}))
    lines = dict.fromkeys(" ".join(pair) for pair in merges)
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *lines, ""]))
    return CLIPTokenizer(
        vocab=str(folder / "vocab.json"),
        merges=str(folder / "merges.txt"),
        model_max_length=77,
        pad_token="<|endoftext|>",
    )


def _merges(word: str) -> Iterator[tuple[str, str]]:
    """The pairs that spell a word from the left."""
    start, *rest = [*word[:-1], f"{word[-1]}</w>"]
    for letter in rest:
        yield start, letter
        start += letter


def text_model(words: CLIPTokenizer, kind: type = CLIPTextModel) -> Any:
    return kind(
        CLIPTextConfig(
            vocab_size=len(words), hidden_size=WIDTH, intermediate_size=37, num_attention_heads=4, num_hidden_layers=2,
            max_position_embeddings=77, projection_dim=24, bos_token_id=words.bos_token_id,
            eos_token_id=words.eos_token_id, pad_token_id=words.pad_token_id,
        )
    )  # fmt: skip


def autoencoder() -> AutoencoderKL:
    """Of stride 2."""
    return AutoencoderKL(
        block_out_channels=(16, 32), down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2, latent_channels=4, norm_num_groups=8, sample_size=32,
    )  # fmt: skip


def quantized() -> VQModel:
    """An autoencoder with codes, of stride 2; so few that what is rounded seldom depends on the last digit."""
    model = VQModel(
        block_out_channels=(16, 32), down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2, latent_channels=4, norm_num_groups=8, sample_size=32,
        num_vq_embeddings=48,
    )  # fmt: skip
    torch.nn.init.normal_(model.quantize.embedding.weight)
    return model


def unet(**changes: Any) -> UNet2DConditionModel:
    """Of two levels, for latents of 16 x 16."""
    settings = {
        "sample_size": 16, "in_channels": 4, "out_channels": 4, "layers_per_block": 1, "block_out_channels": (16, 32),
        "norm_num_groups": 8, "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"), "cross_attention_dim": WIDTH, "attention_head_dim": 8,
    }  # fmt: skip
    return UNet2DConditionModel(**{**settings, **changes})


def plain(
    folder: Path,
    *,
    prediction: str = "epsilon",
    channels: int = 4,
    vae: Callable[[], Any] = autoencoder,
    **scheduler: Any,
) -> Path:
    """A folder of the kind of Stable Diffusion 1.5 and 2."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        words = tokenizer(folder / "spelling")
        name = "StableDiffusionPipeline" if channels == 4 else "StableDiffusionInpaintPipeline"
        pipeline = getattr(diffusers, name)(
            vae=vae(), text_encoder=text_model(words), tokenizer=words, unet=unet(in_channels=channels),
            scheduler=DDIMScheduler(**{**SCHEDULER, "prediction_type": prediction, **scheduler}),
            safety_checker=None, feature_extractor=None, requires_safety_checker=False,
        )  # fmt: skip
        pipeline.save_pretrained(folder)
    return folder


def paired(folder: Path, **settings: Any) -> Path:
    """A folder of the kind of Stable Diffusion XL."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        words = tokenizer(folder / "spelling")
        told = unet(
            cross_attention_dim=2 * WIDTH, addition_embed_type="text_time", addition_time_embed_dim=8,
            projection_class_embeddings_input_dim=6 * 8 + 24, transformer_layers_per_block=(1, 2),
            use_linear_projection=True,
        )  # fmt: skip
        diffusers.StableDiffusionXLPipeline(
            vae=autoencoder(), text_encoder=text_model(words), tokenizer=words, tokenizer_2=words, unet=told,
            text_encoder_2=text_model(words, CLIPTextModelWithProjection), scheduler=DDIMScheduler(**SCHEDULER),
            add_watermarker=False, **settings,
        ).save_pretrained(folder)  # fmt: skip
    return folder


def early(folder: Path, *, reader: str = "LDMBertModel") -> Path:
    """A folder of the kind of latent diffusion before Stable Diffusion, which reads with BERT or with CLIP."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        words: Any = word_pieces(folder / "spelling") if reader == "LDMBertModel" else tokenizer(folder / "spelling")
        diffusers.LDMTextToImagePipeline(
            vqvae=quantized(), bert=bert(words) if reader == "LDMBertModel" else text_model(words), tokenizer=words,
            unet=unet(), scheduler=DDIMScheduler(**SCHEDULER),
        ).save_pretrained(folder)  # fmt: skip
    return folder


def wordless(folder: Path, **changes: Any) -> Path:
    """A folder of latent diffusion that is told nothing."""
    settings = {
        "sample_size": 16, "in_channels": 4, "out_channels": 4, "layers_per_block": 1, "block_out_channels": (16, 32),
        "norm_num_groups": 8, "down_block_types": ("DownBlock2D", "AttnDownBlock2D"),
        "up_block_types": ("AttnUpBlock2D", "UpBlock2D"), "attention_head_dim": 8,
    }  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = UNet2DModel(**{**settings, **changes})
        pipeline = diffusers.LDMPipeline(vqvae=quantized(), unet=network, scheduler=DDIMScheduler(**SCHEDULER))
        pipeline.save_pretrained(folder)
    return folder


def word_pieces(folder: Path) -> BertTokenizer:
    """A tokenizer of BERT that knows ``WORDS``."""
    folder.mkdir(parents=True)
    (folder / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, ""]))
    return BertTokenizer(vocab=str(folder / "vocab.txt"), model_max_length=77)


def bert(words: BertTokenizer) -> LDMBertModel:
    return LDMBertModel(
        LDMBertConfig(
            vocab_size=len(words), d_model=WIDTH, encoder_layers=2, encoder_attention_heads=4, encoder_ffn_dim=37,
            head_dim=8,
        )
    )  # fmt: skip


def control(folder: Path, **changes: Any) -> Path:
    """A ControlNet for ``unet`` that adds something, as a trained one does."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        settings = {name: changes.pop(name) for name in ("conditioning_embedding_out_channels",) if name in changes}
        network = ControlNetModel.from_unet(
            unet(**changes), **{"conditioning_embedding_out_channels": (8, 16), **settings}
        )
        for layer in (*network.controlnet_down_blocks, network.controlnet_mid_block):
            torch.nn.init.normal_(layer.weight, std=0.1)
        torch.nn.init.normal_(network.controlnet_cond_embedding.conv_out.weight, std=0.1)
        network.save_pretrained(folder)
    return folder


def clip(folder: Path) -> Path:
    """Both towers of CLIP, for pictures of 30 x 30."""
    with torch.random.fork_rng():
        torch.manual_seed(2)
        words = tokenizer(folder / "spelling")
        text = text_model(words).config
        vision = CLIPVisionConfig(
            hidden_size=WIDTH, intermediate_size=37, num_hidden_layers=2, num_attention_heads=4, image_size=30,
            patch_size=10, projection_dim=24,
        )  # fmt: skip
        config = CLIPConfig(text_config=text.to_dict(), vision_config=vision.to_dict(), projection_dim=24)
        CLIPModel(config).save_pretrained(folder)
        words.save_pretrained(folder)
        size = {"shortest_edge": 30}
        CLIPImageProcessorPil(size=size, crop_size={"height": 30, "width": 30}).save_pretrained(folder)
    return folder
