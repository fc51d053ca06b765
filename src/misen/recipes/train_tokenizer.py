"""Trains the text vocabulary: byte-level BPE over English and Chinese captions, in the format of CLIP's tokenizer.

Source: Sennrich et al. 2016 (arXiv:1508.07909) and, for the byte alphabet and the end-of-word suffix, Radford et al.
2021 (arXiv:2103.00020). Every byte is an entry, both inside and at the end of a word, so no text is unknown.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import torch
from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer
from transformers import CLIPTokenizer

from misen.scene.attributes import ATTRIBUTES, KEYS
from misen.scene.language import Language, Style, describe
from misen.scene.sampling import sample

ENTRIES = 3072
"""Size of the vocabulary, its 512 bytes and 2 special tokens included."""
MAX_TOKENS = 64
"""Longest caption the text encoder reads, start and end included; longer ones are cut."""
SUFFIX = "</w>"
SPECIAL = ("<|startoftext|>", "<|endoftext|>")

_STYLES: tuple[Style, ...] = ("full", "partial", "free")
_LANGUAGES: tuple[Language, ...] = ("en", "zh")


def captions(count: int, seed: int = 0) -> Iterator[str]:
    """``count`` captions of as many avatars, in all styles and both languages."""
    record = sample(torch.arange(seed, seed + count))
    for row, (indices, camera) in enumerate(zip(record.attributes.tolist(), record.camera.tolist(), strict=True)):
        values = {a.key: a.values[index] for a, index in zip(ATTRIBUTES, indices, strict=True)}
        language, style = _LANGUAGES[row % 2], _STYLES[row // 2 % 3]
        yield describe(values, KEYS, camera[0], seed + row, language=language, style=style).text


def train_tokenizer(texts: Iterator[str], entries: int = ENTRIES) -> CLIPTokenizer:
    """A CLIP tokenizer with ``entries`` entries whose merges are learned from ``texts``."""
    bytes_ = sorted(ByteLevel.alphabet())
    alphabet = [*bytes_, *(byte + SUFFIX for byte in bytes_)]
    merges = _learn_merges(texts, entries - len(alphabet) - len(SPECIAL))
    tokens = list(dict.fromkeys([*alphabet, *("".join(pair) for pair in merges), *SPECIAL]))
    vocabulary = {token: index for index, token in enumerate(tokens)}
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=MAX_TOKENS)


def _learn_merges(texts: Iterator[str], count: int) -> list[tuple[str, str]]:
    """The merges, most frequent first, over words split exactly as CLIP's tokenizer splits them."""
    clip = CLIPTokenizer().backend_tokenizer
    learner = Tokenizer(BPE(end_of_word_suffix=SUFFIX))
    learner.normalizer, learner.pre_tokenizer = clip.normalizer, clip.pre_tokenizer
    # More than asked for: the learner's alphabet is part of its budget, and some merges are dropped.
    trainer = BpeTrainer(vocab_size=2 * count + 512, end_of_word_suffix=SUFFIX, show_progress=False, min_frequency=2)
    learner.train_from_iterator(texts, trainer)
    merges = [(left, right) for left, right in json.loads(learner.to_str())["model"]["merges"]]
    return _first_distinct([pair for pair in merges if _is_word("".join(pair))], count)


def _first_distinct(merges: list[tuple[str, str]], count: int) -> list[tuple[str, str]]:
    """The first merges that make ``count`` different tokens; two merges may make the same one."""
    made: set[str] = set()
    kept = []
    for pair in merges:
        if len(made) == count:
            break
        made.add("".join(pair))
        kept.append(pair)
    return kept


def _is_word(token: str) -> bool:
    """Chinese is written without spaces: entries of more than four characters would be phrases, not words."""
    return token.isascii() or len(token.removesuffix(SUFFIX)) <= 12


def main(folder: Path = Path(__file__).parents[1] / "weights" / "tokenizer", count: int = 120_000) -> None:
    """Trains on ``count`` captions and writes vocab.json, merges.txt and the configuration to ``folder``."""
    tokenizer = train_tokenizer(captions(count))
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save_pretrained(folder)
    tokenizer.backend_tokenizer.model.save(str(folder))


if __name__ == "__main__":
    main()
