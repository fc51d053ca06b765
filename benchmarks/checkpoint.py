"""A checkpoint of the size of Stable Diffusion 1.5: what it takes, and what was foretold; random weights, half floats.

``python -m benchmarks.checkpoint FOLDER SIZE`` writes one alone.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from benchmarks.commands import metered, run
from benchmarks.start import WORDS
from benchmarks.timing import Effort, Row
from misen.assembly import USUAL_MODEL, find
from misen.nn.room import GB
from misen.perception.figures import Figure

STEPS = 4
WITHIN = "0.75 to 1.25"
LIBRARIES = ("misen.cli.production", "misen.pretrained.stable_diffusion.folder")
"""What a process imports before it opens anything."""


@dataclass(frozen=True)
class Size:
    """Of a checkpoint.

    Attributes:
        unet: channels per level, fine to coarse.
        autoencoder: likewise.
        width: of the text encoder.
        layers: of the text encoder.
        words: of its vocabulary.
    """

    unet: tuple[int, ...]
    autoencoder: tuple[int, ...]
    width: int
    layers: int
    words: int

    def networks(self) -> Iterator[tuple[str, Any]]:
        """Each part, built when its turn comes."""
        yield "unet", self._unet
        yield "vae", self._autoencoder
        yield "text_encoder", self._text_encoder

    def _unet(self) -> UNet2DConditionModel:
        return UNet2DConditionModel(
            sample_size=64, block_out_channels=self.unet, cross_attention_dim=self.width, attention_head_dim=8
        )

    def _autoencoder(self) -> AutoencoderKL:
        levels = len(self.autoencoder)
        return AutoencoderKL(
            block_out_channels=self.autoencoder, layers_per_block=2, latent_channels=4, sample_size=512,
            down_block_types=("DownEncoderBlock2D",) * levels, up_block_types=("UpDecoderBlock2D",) * levels,
        )  # fmt: skip

    def _text_encoder(self) -> CLIPTextModel:
        return CLIPTextModel(
            CLIPTextConfig(
                vocab_size=self.words, hidden_size=self.width, intermediate_size=4 * self.width,
                num_hidden_layers=self.layers, num_attention_heads=self.width // 64, projection_dim=self.width,
            )
        )  # fmt: skip


SIZES: Mapping[str, Size] = {
    "whole": Size((320, 640, 1280, 1280), (128, 256, 512, 512), width=768, layers=12, words=49408),
    "small": Size((32, 64, 64, 64), (32, 32, 64, 64), width=64, layers=2, words=49408),
}


def write(folder: Path, size: Size) -> None:
    """A folder as diffusers writes it, one network in memory at a time."""
    torch.manual_seed(0)
    parts = {}
    for name, network in size.networks():
        made = network().half()
        made.save_pretrained(folder / name, max_shard_size="100GB")
        parts[name] = [type(made).__module__.split(".")[0], type(made).__name__]
    CLIPTokenizer.from_pretrained(find(USUAL_MODEL) / "tokenizer", model_max_length=77).save_pretrained(
        folder / "tokenizer"
    )
    DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1, clip_sample=False
    ).save_pretrained(folder / "scheduler")
    index = {"_class_name": "StableDiffusionPipeline", "_diffusers_version": diffusers.__version__, **parts}
    (folder / "model_index.json").write_text(json.dumps(index))


def rows(effort: Effort) -> Iterator[Row]:
    """Peak memory and time of the command, each beside what ``misen explain`` says before."""
    size = "small" if effort.size < 1 else "whole"
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "model")
        run("-m", "benchmarks.checkpoint", str(folder), size)
        asked = ("--model", str(folder), "--text", WORDS, "--size", "256x256", "--steps", str(STEPS), "--json")
        told = json.loads(run("-m", "misen", "explain", *asked))["forecast"]
        made = metered("-m", "misen", "generate", *asked, "--seed", "7", "-o", str(Path(place, "a.png")))
    seconds, start = json.loads(made.output)["seconds"], metered("-c", f"import {', '.join(LIBRARIES)}").seconds
    opening = made.seconds - seconds - start
    yield Row(f"{size} checkpoint, 256 pixels, peak memory", _once(made.peak / GB), "GB", "<= 12")
    yield Row("  foretold / measured", _once(told["memory"] / made.peak), "x", WITHIN)
    yield Row(f"{size} checkpoint, a picture in {STEPS} steps, guided", _once(seconds), "s")
    yield Row("  foretold / measured", _once(told["seconds"] / seconds), "x", WITHIN)
    yield Row(f"{size} checkpoint, opening it", _once(opening), "s")
    yield Row("  foretold / measured", _once(told["opening"] / opening), "x")
    yield Row("process to file, but for imports", _once(opening + seconds), "s")
    yield Row("  foretold / measured", _once((told["opening"] + told["seconds"]) / (opening + seconds)), "x", WITHIN)


def _once(value: float) -> Figure:
    return Figure(value, value, value, 1)


if __name__ == "__main__":
    write(Path(sys.argv[1]), SIZES[sys.argv[2]])
