"""CLIP as transformers stores it, as a joint embedding that steers: pictures and sentences asked as its processor asks.

Source: Radford et al. 2021 (arXiv:2103.00020), section 2; deviation: pictures are shrunk bilinearly, so that gradients
reach every pixel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from transformers import CLIPModel, CLIPTokenizer

from misen.core.energy import Energy
from misen.core.errors import ModelFileError
from misen.core.image import stretch
from misen.core.shapes import Images, Vectors
from misen.nn.description import read_json
from misen.perception.frozen import placed
from misen.perception.senses import JointEmbedding
from misen.perception.text import tokenized
from misen.pretrained.parts import CONFIG, fitting, open_part

PROCESSOR = "preprocessor_config.json"
MEAN, SPREAD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
"""Of the colors that CLIP was trained on, for folders that do not say."""


class ClipEmbedding:
    """Unit vectors of CLIP: of pictures where they are, of sentences where the model was opened.

    Args:
        model: both towers.
        tokenizer: cuts sentences at what the model takes.
        colors: mean and spread of each channel, in [0, 1].
    """

    def __init__(self, model: CLIPModel, tokenizer: CLIPTokenizer, colors: tuple[Any, Any] = (MEAN, SPREAD)) -> None:
        self.model, self.tokenizer = model, tokenizer
        self.mean, self.spread = (torch.tensor(values)[:, None, None] for values in colors)
        self.size: int = model.config.vision_config.image_size

    def image(self, images: Images) -> Vectors:
        """(B, 3, H, W) in [-1, 1] of any size -> (B, D) unit vectors; of a long picture the middle counts."""
        seen = ((self._square(images) + 1) / 2 - self.mean.to(images)) / self.spread.to(images)
        place: Tensor = placed(self.model, images.device).get_image_features(pixel_values=seen).pooler_output
        return functional.normalize(place, dim=1)

    def text(self, sentences: list[str]) -> Vectors:
        """B sentences -> (B, D) unit vectors; what exceeds the model's length is cut."""
        found = tokenized(self.tokenizer, sentences, padding=True, truncation=True, return_tensors="pt")
        place: Tensor = self.model.get_text_features(found.input_ids, found.attention_mask).pooler_output
        return functional.normalize(place, dim=1)

    def _square(self, images: Images) -> Images:
        """The middle of pictures whose shorter side is as long as the model wants it."""
        height, width = images.shape[-2:]
        scale = self.size / min(height, width)
        shrunk = stretch(images, round(height * scale), round(width * scale))
        top, left = ((side - self.size) // 2 for side in shrunk.shape[-2:])
        return shrunk[..., top : top + self.size, left : left + self.size]


def load(folder: Path) -> ClipEmbedding:
    """Open a folder that transformers wrote; both towers are frozen, and in float32.

    Raises:
        NotFoundError: the folder lacks a part.
        ModelFileError: it holds another kind of model, or weights that are pickled, malformed, not finite, incomplete.
    """
    kind = read_json(folder / CONFIG).get("model_type")
    if kind != "clip":
        raise ModelFileError(f"{folder} holds a {kind} model", field="measure", hint="accepted: clip, with both towers")
    model = open_part(folder, CLIPModel, "model")
    with fitting(folder, CLIPTokenizer.__name__):
        tokenizer = CLIPTokenizer.from_pretrained(folder, local_files_only=True)
        tokenizer.model_max_length = min(tokenizer.model_max_length, model.config.text_config.max_position_embeddings)
    return ClipEmbedding(model, tokenizer, _colors(folder))


def _colors(folder: Path) -> tuple[Any, Any]:
    """Mean and spread as the folder's processor states them."""
    stated = read_json(folder / PROCESSOR) if (folder / PROCESSOR).is_file() else {}
    return stated.get("image_mean", MEAN), stated.get("image_std", SPREAD)


class Measures(Mapping[str, Energy]):
    """Energies by name, and others that are opened from the folders of joint embeddings.

    Args:
        build: from an embedding to an energy in it.
        named: those that need no folder.
    """

    def __init__(self, build: Callable[[JointEmbedding], Energy], named: Mapping[str, Energy]) -> None:
        self._build, self._named = cache(lambda folder: build(load(Path(folder)))), named

    def __getitem__(self, name: str) -> Energy:
        return self._named[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._named)

    def __len__(self) -> int:
        return len(self._named)

    def opened(self, folder: str) -> Energy | None:
        """The energy in the embedding of a folder, the same each time; None for what is no folder of a model.

        Raises:
            NotFoundError: as :func:`load`, and so are the others.
        """
        return self._build(folder) if (Path(folder) / CONFIG).is_file() else None
