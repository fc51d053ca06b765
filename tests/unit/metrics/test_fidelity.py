"""PSNR and SSIM: equal to scikit-image."""

from __future__ import annotations

import pytest
import torch

from misen.metrics.fidelity import psnr, ssim
from unit.metrics.given import pictures


def test_equal_scikit_image(golden) -> None:
    first, second = (torch.from_numpy(batch) for batch in pictures())
    assert psnr(first, second).tolist() == pytest.approx(golden["psnr"], rel=1e-12)
    assert ssim(first, second).tolist() == pytest.approx(golden["ssim"], abs=1e-9)


def test_a_picture_is_like_itself() -> None:
    image = torch.rand(2, 3, 16, 16) * 2 - 1
    assert ssim(image, image).tolist() == pytest.approx([1, 1])
    assert psnr(image, image).isinf().all()
