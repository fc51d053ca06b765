"""A word learned from pictures: one more row of a frozen text model's embedding, kept in the format of diffusers.

Source: Gal et al. 2022 (arXiv:2208.01618), section 4, "textual inversion".
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from misen.core.condition import Condition
from misen.core.errors import InputError, ModelFileError
from misen.modalities.text.encoder import TextEncoder
from misen.nn.weights import read_tensors, write_tensors

FILE = "learned_embeds.safetensors"
Vector = Float[Tensor, " features"]
"""A row of the embedding."""


class PseudoWord(nn.Module):
    """A text encoder that knows one word more, which learns while everything else is frozen.

    Args:
        encoder: copied; it stays as it is.
        word: as it stands in prompts.
        like: a word that is one token, from whose row the new one begins.

    Attributes:
        vector: the row that learns.

    Raises:
        InputError: ``word`` is known already, or ``like`` is not one token.
    """

    def __init__(self, encoder: TextEncoder, word: str, like: str) -> None:
        super().__init__()
        start = _row(encoder, like)
        self.word, self.vector = word, nn.Parameter(start.clone())
        self.encoder = taught(encoder, word, start)
        self._id = self.encoder.tokenizer.convert_tokens_to_ids(word)
        self.encoder.model.get_input_embeddings().register_forward_hook(self._replace)

    def forward(self, prompts: Sequence[str]) -> Condition:
        """What prompts with the word say as it stands now, differentiable in ``vector``."""
        return self.encoder.read(prompts)

    def _replace(self, embedding: nn.Module, arguments: tuple[Int[Tensor, "batch length"]], rows: Tensor) -> Tensor:
        """The rows of tokens, with the learning one in its places."""
        (ids,) = arguments
        return torch.where((ids == self._id)[..., None], self.vector.to(rows.dtype), rows)


def taught(encoder: TextEncoder, word: str, vector: Vector) -> TextEncoder:
    """A copy of ``encoder`` that knows ``word``: it has one row more, and all others are as they were.

    Raises:
        InputError: ``word`` is known already, or is longer than one word.
        ModelFileError: ``vector`` is of another text model.
    """
    width = encoder.width("tokens")
    if vector.shape != (width,):
        given = "x".join(map(str, vector.shape))
        raise ModelFileError(f"the word {word!r} is of another model: it has {given} features, not {width}", field=word)
    if len(word.split()) != 1 or len(_ids(encoder, word)) == 1:
        hint = "choose something nobody writes, such as <subject>"
        raise InputError(f"{word!r} cannot be a new word", field="word", hint=hint)
    tokenizer, model = copy.deepcopy(encoder.tokenizer), copy.deepcopy(encoder.model)
    tokenizer.add_tokens(word)
    _make_room(model, tokenizer)
    with torch.no_grad():
        model.get_input_embeddings().weight[tokenizer.convert_tokens_to_ids(word)] = vector
    return TextEncoder(tokenizer, model.requires_grad_(False).eval())


def save_word(folder: Path, word: str, vector: Vector) -> str:
    """Write ``folder / "learned_embeds.safetensors"``; its SHA-256."""
    return write_tensors({word: vector.detach().cpu().contiguous()[None]}, folder / FILE)


def read_word(path: Path) -> tuple[str, Vector]:
    """The word and its row in a file such as ``save_word`` and diffusers write, or in a folder that holds one.

    Raises:
        NotFoundError: there is no such file.
        ModelFileError: it is no such file.
    """
    file = path / FILE if path.is_dir() else path
    tensors = read_tensors(file)
    rows = {name: tensor.reshape(-1, tensor.shape[-1]) for name, tensor in tensors.items() if tensor.ndim in (1, 2)}
    if len(tensors) != 1 or any(len(row) != 1 for row in rows.values()) or not rows:
        hint = "a word is one tensor of one row, by the word's name"
        raise ModelFileError(f"{file} holds no learned word", field=str(file), hint=hint)
    ((word, row),) = rows.items()
    return word, row[0].float()


def _row(encoder: TextEncoder, word: str) -> Vector:
    """The embedding of a word that is one token."""
    ids = _ids(encoder, word)
    if len(ids) != 1:
        raise InputError(f"{word!r} is {len(ids)} tokens of this model", field="like", hint="take a plain, short word")
    weight: Tensor = encoder.model.get_input_embeddings().weight
    return weight[ids[0]].detach()


def _ids(encoder: TextEncoder, word: str) -> list[int]:
    """The tokens of a word."""
    ids: list[int] = encoder.tokenizer(word, add_special_tokens=False).input_ids
    return ids


def _make_room(model: Any, tokenizer: Any) -> None:
    """A row for every token there is."""
    if len(tokenizer) > model.get_input_embeddings().num_embeddings:
        model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
