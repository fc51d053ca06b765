from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from misen.nn.contrastive import PatchContrast, info_nce, patch_nce, similarities
from misen.nn.word_matching import WordMatching


def unit(*shape: int) -> torch.Tensor:
    return functional.normalize(torch.randn(*shape), dim=-1)


def test_patches_that_are_all_alike_are_guessed():
    same = unit(1, 1, 4).expand(2, 16, 4)
    assert patch_nce(same, same).item() == pytest.approx(math.log(16), rel=1e-5)


def test_patches_have_the_loss_of_the_definition():
    torch.manual_seed(0)
    made, given = unit(2, 5, 4), unit(2, 5, 4)
    expected = 0.0
    for item in range(2):
        for patch in range(5):
            scores = [(made[item, patch] @ given[item, other]).item() / 0.07 for other in range(5)]
            expected -= scores[patch] - math.log(sum(math.exp(score) for score in scores))
    assert patch_nce(made, given).item() == pytest.approx(expected / 10, rel=1e-5)


def test_patches_that_found_their_place_cost_least_and_no_gradient_reaches_what_was_given():
    torch.manual_seed(0)
    given = unit(2, 16, 32).requires_grad_()
    made = given.detach().clone().requires_grad_()
    right, wrong = patch_nce(made, given), patch_nce(made.roll(1, 1), given)
    assert right < 0.1 < wrong
    right.backward()
    assert given.grad is None
    assert made.grad is not None


def test_patch_contrast_draws_the_same_places_of_both_pictures():
    torch.manual_seed(0)
    contrast = PatchContrast((3, 5), features=16, patches=20)
    maps = [torch.randn(2, 3, 8, 8), torch.randn(2, 5, 4, 4)]
    moved = [map_.roll(1, 2) for map_ in maps]
    torch.manual_seed(1)
    alike = contrast(maps, maps)
    torch.manual_seed(1)
    apart = contrast(moved, maps)
    assert alike < apart
    torch.manual_seed(1)
    assert contrast(maps, maps) == alike


def test_patch_contrast_reaches_its_projections_and_the_picture():
    contrast = PatchContrast((3,), features=8)
    made = torch.randn(2, 3, 4, 4, requires_grad=True)
    contrast([made], [torch.randn(2, 3, 4, 4)]).backward()
    assert made.grad.abs().max() > 0
    assert all(parameter.grad.abs().max() > 0 for parameter in contrast.projections.parameters() if parameter.ndim > 1)


def test_the_terms_of_text_and_picture_are_said_with_what_is_there():
    """Sentence against picture, words against regions, made against real picture: three times the same line."""
    torch.manual_seed(0)
    sentences, pictures, real = unit(6, 16), unit(6, 16).requires_grad_(), unit(6, 16)
    matching = WordMatching(4, 8)
    maps = torch.randn(6, 4, 3, 3, requires_grad=True)
    words, counted = torch.randn(6, 5, 8), torch.ones(6, 5, dtype=torch.bool)
    also_true = torch.zeros(6, 6, dtype=torch.bool)
    also_true[0, 1] = True
    total = (
        info_nce(similarities(sentences, pictures, 10.0), also_true)
        + info_nce(matching(maps, words, counted), also_true)
        + info_nce(similarities(real, pictures, 10.0))
    )
    total.backward()
    assert pictures.grad.abs().max() > 0
    assert maps.grad.abs().max() > 0
