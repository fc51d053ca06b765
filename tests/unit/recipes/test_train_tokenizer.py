"""The vocabulary knows every text, in the format that transformers' CLIP tokenizer opens."""

from __future__ import annotations

from pathlib import Path

import pytest
from transformers import CLIPTokenizer

import misen
from misen.recipes.train_tokenizer import ENTRIES, MAX_TOKENS, captions, train_tokenizer

SHIPPED = Path(misen.__file__).parent / "weights" / "tokenizer"


@pytest.fixture(scope="module")
def shipped() -> CLIPTokenizer:
    return CLIPTokenizer.from_pretrained(SHIPPED, local_files_only=True)


def test_shipped_size(shipped: CLIPTokenizer) -> None:
    assert len(shipped) == ENTRIES
    assert shipped.model_max_length == MAX_TOKENS


@pytest.mark.parametrize(
    "text", ["a bald man with sunglasses", "一位戴着墨镜的光头男士", "émigré ω 東京", "🙂🦄", "\x07 \u200b"]
)
def test_no_text_is_unknown(shipped: CLIPTokenizer, text: str) -> None:
    ids = shipped(text).input_ids
    assert shipped.eos_token_id not in ids[1:-1]
    letters = "".join(text.lower().split())
    assert "".join(shipped.decode(ids, skip_special_tokens=True).split()) == letters


def test_captions_fit(shipped: CLIPTokenizer) -> None:
    lengths = [len(shipped(text, truncation=False, verbose=False).input_ids) for text in captions(1200, seed=77_000)]
    assert sum(length > MAX_TOKENS for length in lengths) / len(lengths) < 0.01


def test_training_is_repeatable_and_byte_complete() -> None:
    first, second = (train_tokenizer(captions(200), entries=700) for _ in range(2))
    assert first.get_vocab() == second.get_vocab()
    assert len(first) == 700
    assert len(first.tokenize("ж")) == 2
