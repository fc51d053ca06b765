"""Distortion: how far pictures are from pictures, pixel by pixel."""

from __future__ import annotations

from misen.core.shapes import Images, PerItem


def psnr(first: Images, second: Images) -> PerItem:
    """(B,) peak signal-to-noise ratio in dB of pictures (B, 3, H, W) in [-1, 1], clipped to that range."""
    error = (first.float().clamp(-1, 1) - second.float().clamp(-1, 1)).square().mean(dim=(1, 2, 3))
    return 10 * (4 / error.clamp(min=1e-10)).log10()
