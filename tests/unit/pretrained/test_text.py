from __future__ import annotations

import torch

from misen.modalities.text.signal import Text
from misen.pretrained.stable_diffusion.text import append_whole, split_whole


def test_the_whole_travels_behind_the_words():
    words, whole = torch.randn(2, 5, 8), torch.randn(2, 3)
    tokens = append_whole(words, whole)
    assert tokens.shape == (2, 6, 8)
    again, mean = split_whole(tokens, 6, 3)
    assert torch.equal(again, words)
    assert torch.equal(mean, whole)


def test_several_prompts_are_read_one_after_the_other():
    first, second = (
        append_whole(torch.ones(1, 2, 4), torch.ones(1, 3)),
        append_whole(torch.zeros(1, 2, 4), torch.zeros(1, 3)),
    )
    words, whole = split_whole(torch.cat([first, second], 1), 3, 3)
    assert words[0, :, 0].tolist() == [1, 1, 0, 0]
    assert whole.tolist() == [[0.5, 0.5, 0.5]]


def test_two_encoders_make_one_condition(opened):
    encoder = opened("paired").encoders["text"]
    condition = encoder.encode(Text(["a red circle", ""]), "tokens")
    assert condition.value.shape == (2, 78, encoder.width("tokens"))
    assert condition.present.tolist() == [True, False]
    assert not torch.equal(condition.value[0], condition.value[1])
