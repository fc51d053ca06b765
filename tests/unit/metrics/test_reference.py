"""The reference: stored and found again, tied to its extractor, and a naive generator with the right correlations."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from misen.core.errors import LimitError, ModelFileError
from misen.metrics.fid import Moments, frechet_distance
from misen.metrics.reference import Reference, naive_pictures
from misen.nn.weights import read_card


@pytest.fixture
def reference(real, fake) -> Reference:
    return Reference("eye@1", Moments.of(real), real[:100].float(), fake[:90].float(), real[:100, :5].float())


def test_is_found_again(reference: Reference, tmp_path: Path) -> None:
    reference.save(tmp_path, {"licence": "Apache-2.0"})
    assert read_card(tmp_path)["licence"] == "Apache-2.0"
    again = Reference.load(tmp_path, "eye@1")
    assert torch.allclose(again.real, reference.real, rtol=1e-3)
    assert torch.allclose(again.appearance, reference.appearance, rtol=1e-3)
    assert abs(frechet_distance(again.moments, reference.moments)) < 1e-5
    assert again.naive_distance(90) == pytest.approx(reference.naive_distance(90), rel=1e-3)


def test_another_extractor_is_refused(reference: Reference, tmp_path: Path) -> None:
    reference.save(tmp_path, {})
    with pytest.raises(ModelFileError, match=r"made with eye@1, not with eye@2.*build_reference"):
        Reference.load(tmp_path, "eye@2")


def test_asking_for_more_than_there_is(reference: Reference) -> None:
    assert len(reference.reals(90)) == 90
    with pytest.raises(LimitError, match="n is 91; the reference has at most 90 pictures"):
        reference.reals(91)


def test_naive_pictures_have_the_correlations_of_the_renders() -> None:
    draws = torch.Generator().manual_seed(0)
    axes = torch.randn(5, 3 * 8 * 8, generator=draws) / 20
    renders = (0.1 + torch.randn(4000, 5, generator=draws) @ axes).view(-1, 3, 8, 8)
    drawn = naive_pictures(renders, 4000, components=5)
    assert drawn.shape == (4000, 3, 8, 8)
    assert drawn.abs().max() <= 1
    wanted, found = (Moments.of(images.flatten(1)).covariance for images in (renders, drawn))
    assert (found - wanted).norm() / wanted.norm() < 0.1
    assert torch.equal(drawn, naive_pictures(renders, 4000, components=5))
