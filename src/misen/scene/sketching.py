"""Line drawings of observations: clean outlines, and outlines as a hand would draw them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import grid_sample, interpolate, max_pool2d

from misen.scene.observation import Observation
from misen.scene.sampling import SKETCH_STREAM, uniforms

DEPTH_STEP = 0.035
"""Jump of depth between neighbours that draws a line, at 64 px."""
CREASE = 0.72
"""Cosine between neighbouring normals below which a crease is drawn."""
WOBBLE = 0.022
"""Largest displacement of a line, in picture widths."""
GRID = 7
"""Control points per side of the wobble and of the pen's pressure."""


def _across(differs: Tensor, axis: int) -> Tensor:
    """(B, H, W) marks on the first of two neighbours along an axis, from a map that is one shorter."""
    padding = (0, 1, 0, 0) if axis == 2 else (0, 0, 0, 1)
    return torch.nn.functional.pad(differs, padding)


def _neighbours(values: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    length = values.shape[axis]
    return values.narrow(axis, 0, length - 1), values.narrow(axis, 1, length - 1)


def lines(segmentation: Tensor, depth: Tensor) -> Tensor:
    """Clean outlines, of true or of predicted maps.

    Args:
        segmentation: (B, H, W) class ids.
        depth: (B, 1, H, W) in [0, 1].

    Returns:
        (B, 1, H, W) float, 1 = ink.
    """
    ink = torch.zeros(segmentation.shape, device=depth.device)
    for axis in (1, 2):
        here, there = _neighbours(segmentation, axis)
        near, far = _neighbours(depth[:, 0], axis)
        ink = torch.maximum(ink, _across(((here != there) | ((near - far).abs() > DEPTH_STEP)).float(), axis))
    return ink[:, None]


def _creases(normals: Tensor) -> Tensor:
    """(B, 1, H, W) ink where neighbouring normals of the avatar part."""
    ink = torch.zeros_like(normals[:, 0])
    for axis in (1, 2):
        here, there = _neighbours(normals, axis + 1)
        solid = (here.square().sum(1) > 0.5) & (there.square().sum(1) > 0.5)
        ink = torch.maximum(ink, _across((((here * there).sum(1) < CREASE) & solid).float(), axis))
    return ink[:, None]


def _field(noise: Tensor, size: int) -> Tensor:
    """(B, C, size, size) smooth field through (B, C * GRID * GRID) values."""
    return interpolate(noise.unflatten(1, (-1, GRID, GRID)), size=(size, size), mode="bicubic", align_corners=True)


def _warp(ink: Tensor, shift: Tensor) -> Tensor:
    """Moves ink (B, 1, H, W) by (B, 2, H, W) shifts in picture widths."""
    size = ink.shape[-1]
    steps = (torch.arange(size, device=ink.device) + 0.5) / size * 2 - 1
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    return grid_sample(ink, torch.stack((x, y), dim=-1) + 2 * shift.permute(0, 2, 3, 1), align_corners=False)


def _thicken(ink: Tensor, amount: Tensor) -> Tensor:
    """Mixes in a dilated copy by (B,) amounts."""
    wide = torch.maximum(ink, 0.8 * max_pool2d(ink, 2, stride=1, padding=1)[..., :-1, :-1])
    return ink + (wide - ink) * amount[:, None, None, None]


def sketch(observation: Observation, style_seeds: Tensor) -> Tensor:
    """Hand-like drawings.

    Args:
        observation: B avatars.
        style_seeds: (B,) integers; each is one hand: its wobble, pressure, gaps and pen.

    Returns:
        (B, 1, H, W) float in [0, 1], 1 = ink.
    """
    size = observation.depth.shape[-1]
    noise = uniforms(style_seeds, SKETCH_STREAM, 3 * GRID * GRID + 4).float().to(observation.depth.device)
    wobble, gaps, thickness, pressure = noise[:, -4:].unbind(1)
    clean = torch.maximum(lines(observation.segmentation, observation.depth), _creases(observation.normals))
    shift = (_field(noise[:, : 2 * GRID * GRID], size) * 2 - 1) * WOBBLE * wobble[:, None, None, None]
    drawn = _thicken(_warp(clean, shift), thickness)
    press = _field(noise[:, 2 * GRID * GRID : 3 * GRID * GRID], size)
    lifted = ((press - 0.34 * gaps[:, None, None, None]) * 8).clamp(0, 1)
    return (drawn * lifted * (0.75 + 0.5 * pressure[:, None, None, None])).clamp(0, 1)
