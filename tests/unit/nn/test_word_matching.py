from __future__ import annotations

import math

import pytest
import torch

from misen.nn.contrastive import info_nce
from misen.nn.word_matching import Sharpness, WordMatching, look, matching_scores

EVERY = torch.ones(1, 1, dtype=torch.bool)


def test_scores_are_those_of_the_equations():
    torch.manual_seed(0)
    regions, words = torch.randn(2, 4, 3), torch.randn(3, 5, 3)
    counted = torch.arange(5)[None] < torch.tensor([5, 2, 4])[:, None]
    scores = matching_scores(regions, words, counted)
    for picture in range(2):
        for caption in range(3):
            length = int(counted[caption].sum())
            v, e = regions[picture], words[caption, :length]
            shares = (e @ v.T).softmax(dim=0)  # equations 7 and 8
            alpha = (4 * shares).softmax(dim=1)  # equation 9
            context = alpha @ v
            relevance = torch.cosine_similarity(context, e, dim=1)
            expected = (5 * relevance).exp().sum().log() / 5  # equation 10
            assert scores[picture, caption].item() == pytest.approx(expected.item(), abs=1e-5)


def test_one_word_and_one_region_match_by_their_cosine():
    region, word = torch.tensor([[[3.0, 4.0]]]), torch.tensor([[[1.0, 0.0]]])
    assert matching_scores(region, word, EVERY).item() == pytest.approx(0.6)
    twice = word.repeat(1, 2, 1)
    assert matching_scores(region, twice, EVERY.repeat(1, 2)).item() == pytest.approx(0.6 + math.log(2) / 5)


def test_a_word_looks_where_it_finds_itself():
    regions = 6 * torch.eye(4)[None]
    words = 6 * torch.eye(4)[None, :3]
    looks = look(regions, words, EVERY.repeat(1, 3), 4.0)
    assert torch.equal(looks[0, 0].argmax(dim=1), torch.arange(3))
    assert torch.allclose(looks.sum(dim=3), torch.ones(1, 1, 3))
    sharper = look(regions, words, EVERY.repeat(1, 3), 8.0)
    assert (sharper.amax(dim=3) > looks.amax(dim=3)).all()


def test_words_that_do_not_count_change_nothing():
    torch.manual_seed(0)
    regions, words = torch.randn(2, 4, 3), torch.randn(2, 6, 3)
    counted = torch.arange(6)[None] < torch.tensor([[3], [6]])
    other = torch.where(counted[..., None], words, torch.randn(2, 6, 3))
    assert torch.allclose(matching_scores(regions, words, counted), matching_scores(regions, other, counted))


def test_a_larger_gamma_lets_the_best_word_speak_for_its_caption():
    torch.manual_seed(0)
    regions, words = torch.randn(1, 6, 4), torch.randn(1, 5, 4)
    counted = torch.ones(1, 5, dtype=torch.bool)
    seen = torch.einsum("bctn,bnd->bctd", look(regions, words, counted, 4.0), regions)
    best = torch.cosine_similarity(seen, words[None], dim=3).amax()
    soft, hard = (matching_scores(regions, words, counted, Sharpness(words=gamma)) for gamma in (5.0, 500.0))
    assert abs(hard.item() - best.item()) < abs(soft.item() - best.item())
    assert hard.item() == pytest.approx(best.item(), abs=0.01)


def test_matching_is_learned_from_pairs_and_reaches_the_picture():
    """Each picture shows two of four things, each caption names them; after some steps pairs match best."""
    torch.manual_seed(0)
    pairs = torch.combinations(torch.arange(4), 2)
    maps = torch.zeros(6, 4, 2, 2)
    for item, (first, second) in enumerate(pairs.tolist()):
        maps[item, first, 0, 0] = maps[item, second, 1, 1] = 1.0
    words, counted = torch.randn(4, 5)[pairs], torch.ones(6, 2, dtype=torch.bool)
    matching = WordMatching(4, 5, features=8)
    optimizer = torch.optim.Adam(matching.parameters(), lr=0.05)
    for _ in range(60):
        optimizer.zero_grad()
        info_nce(matching(maps, words, counted)).backward()
        optimizer.step()
    logits = matching(maps.requires_grad_(), words, counted)
    assert torch.equal(logits.argmax(dim=1), torch.arange(6))
    info_nce(logits).backward()
    assert maps.grad.abs().max() > 0
