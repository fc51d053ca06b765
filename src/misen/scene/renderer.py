"""Pictures of records: trace, paint, light, and average the samples of each pixel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from misen.scene.anatomy import EXPRESSION_AXES, IDENTITY_AXES
from misen.scene.attributes import ATTRIBUTES
from misen.scene.camera import view_rotation
from misen.scene.head import Head, build_head
from misen.scene.lighting import light_hits
from misen.scene.materials import backdrop, palette
from misen.scene.painting import Canvas, Paint, paint_hits
from misen.scene.raster import Hits, trace
from misen.scene.record import Record

CHUNK_SAMPLES = 16 * 128 * 128
"""Samples rendered together on a CPU, so that buffers stay in cache."""
GPU_CHUNK_SAMPLES = 512 * 128 * 128


@dataclass(frozen=True)
class Samples:
    """All visible samples of B pictures.

    Attributes:
        head: the posed geometry.
        hits: S intersections.
        paint: their labels and materials.
        surface: (3, S) canonical coordinates in head radii.
        color: (3, S) lit sRGB in [0, 1].
        side: samples per side of a picture.
    """

    head: Head
    hits: Hits
    paint: Paint
    surface: Tensor
    color: Tensor
    side: int

    def spread(self, values: Tensor, batch: int) -> Tensor:
        """(B, C, n, n) grids of (C, S) values, zero where nothing was hit."""
        grid: Tensor = values.new_zeros(len(values), batch * self.side**2)
        grid[:, self.hits.where] = values
        return grid.view(-1, batch, self.side, self.side).transpose(0, 1)


@cache
def template() -> tuple[Tensor, Tensor]:
    """Centres (P, 3) and local-to-head maps (P, 3, 3) of the mean head, the frame of surface coordinates."""
    record = Record(
        seed=torch.zeros(1, dtype=torch.int64),
        identity=torch.zeros(1, len(IDENTITY_AXES)),
        expression=torch.zeros(1, len(EXPRESSION_AXES)),
        attributes=torch.zeros(1, len(ATTRIBUTES), dtype=torch.int64),
        camera=torch.zeros(1, 5),
        light=torch.zeros(1, 4),
        detail=torch.zeros(1, 8),
    )
    head = build_head(record)
    return head.centres[0], (head.axes * head.radii[..., None, :])[0]


def surface_coordinates(hits: Hits) -> Tensor:
    """(3, S) positions of the same surface points on the mean head, in head radii."""
    centres, maps = (table.to(hits.local) for table in template())
    return (centres[hits.primitive] + (maps[hits.primitive] @ hits.local.T[..., None])[..., 0]).T


def render_samples(record: Record, side: int) -> Samples:
    """Traces, paints and lights ``side`` x ``side`` samples of every picture."""
    head = build_head(record)
    hits = trace(head, record.camera, side)
    surface = surface_coordinates(hits)
    up = view_rotation(record.camera)[:, :, 1]
    paint = paint_hits(Canvas(record, head.shape, palette(record), hits, surface, up))
    return Samples(head, hits, paint, surface, light_hits(head, record, hits, paint), side)


def develop(record: Record, samples: Samples, size: int) -> tuple[Tensor, Tensor]:
    """(B, 3, size, size) images in [-1, 1] over their backgrounds, and (B, 1, size, size) coverage."""
    values = torch.cat((samples.color, torch.ones_like(samples.color[:1])))
    pixels = avg_pool2d(samples.spread(values, len(record)), samples.side // size)
    color, alpha = pixels[:, :3], pixels[:, 3:]
    return (color + (1 - alpha) * backdrop(record, size)) * 2 - 1, alpha


def chunks(record: Record, side: int) -> Iterator[Record]:
    """Sub-batches small enough to render at ``side`` samples."""
    budget = GPU_CHUNK_SAMPLES if record.camera.is_cuda else CHUNK_SAMPLES
    step = max(1, budget // side**2)
    yield from (record[i : i + step] for i in range(0, len(record), step))


@torch.no_grad()
def render(record: Record, size: int = 64, supersample: int = 2) -> Tensor:
    """Images alone.

    Args:
        record: B avatars, on any device.
        size: pixels per side; ``size * supersample`` must be a multiple of 8.
        supersample: samples per pixel side.

    Returns:
        (B, 3, size, size) float32 in [-1, 1].
    """
    side = size * supersample
    return torch.cat([develop(part, render_samples(part, side), size)[0] for part in chunks(record, side)])
