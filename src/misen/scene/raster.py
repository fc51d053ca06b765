"""Ray-ellipsoid intersection with tile culling: which primitive each sample of the picture meets, where, and how steep.

Rays are followed relative to each ellipsoid's own depth, so that small distant parts stay exact in float32. The
picture is cut into tiles of 8 x 8 samples; a tile looks only at the ellipsoids whose projected bounds touch it.

Source: Laine and Karras 2011 (high-performance software rasterization on GPUs), binning; deviation: quadrics, and
tiles are batched by how many ellipsoids they hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from misen.scene.camera import to_camera, view_rotation
from misen.scene.head import Head
from misen.scene.primitives import PRIMITIVES

TILE = 8
BUCKETS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 40, len(PRIMITIVES))
"""Tiles are processed together up to these numbers of ellipsoids."""
MELT = {"skin": 7.5, "shirt": 7.0, "hair": 13.0, "beard": 10.0}
"""Steepness of the blend between primitives of one group, per head radius of depth; steep for the others."""
RIM = 0.80
"""Inner edge of a glasses rim, as a share of its outer edge."""
SQUARE = 0.75
"""Half width of a square rim inside its unit disc."""


@dataclass(frozen=True)
class Hits:
    """S samples that meet the avatar, of all pictures of a batch.

    Attributes:
        where: (S,) position in the flattened (B, n, n) grid of samples.
        item: (S,) avatar.
        primitive: (S,) index of the ellipsoid.
        depth: (S,) distance along the view axis.
        ray: (2, S) x / z and y / z of the ray.
        local: (3, S) the hit on the unit sphere.
        normal: (3, S) unit normal in camera space, blended across melting neighbours.
        lens: (3, S) hit on a clear lens in front, in its unit coordinates; x is 9 where there is none.
    """

    where: Tensor
    item: Tensor
    primitive: Tensor
    depth: Tensor
    ray: Tensor
    local: Tensor
    normal: Tensor
    lens: Tensor


@dataclass(frozen=True)
class _Quadrics:
    """Ellipsoids in camera space: maps to their unit sphere, centres, depths, and fixed traits of each primitive."""

    maps: Tensor  # (B, P, 3, 3) camera to unit sphere
    centres: Tensor  # (B, P, 3)
    depths: Tensor  # (B, P)
    cuts: Tensor  # (B, P, 2)


@cache
def _traits() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Plane normals (P, 2, 3), blend groups (P,), outlines (P,), clear lenses (P,)."""
    planes = torch.zeros(len(PRIMITIVES), 2, 3)
    for i, primitive in enumerate(PRIMITIVES):
        for j, plane in enumerate(primitive.planes):
            planes[i, j] = torch.tensor(plane[:3])
    groups = sorted({p.blend for p in PRIMITIVES if p.blend})
    group = torch.tensor([groups.index(p.blend) if p.blend else -1 - i for i, p in enumerate(PRIMITIVES)])
    outlines = ("solid", "round rim", "square rim", "round lens", "square lens")
    outline = torch.tensor([outlines.index(p.outline) for p in PRIMITIVES])
    clear = torch.tensor([p.material == "clear lens" for p in PRIMITIVES])
    return planes, group, outline, clear


@cache
def _steepness() -> Tensor:
    """(P,) steepness of the blend of each primitive."""
    return torch.tensor([MELT.get(primitive.blend, 22.0) for primitive in PRIMITIVES])


def _quadrics(head: Head, camera: Tensor) -> tuple[_Quadrics, Tensor]:
    """The ellipsoids in camera space and (B, P, 3, 3) their shapes ``M M^T`` for bounding."""
    view = view_rotation(camera)[:, None]
    turned = view @ head.axes
    maps = turned.transpose(2, 3) / head.radii[..., None]
    stretch = turned * head.radii[..., None, :]
    centres = to_camera(camera, head.centres)
    return _Quadrics(maps, centres, camera[:, None, 3] - centres[..., 2], head.cuts), stretch @ stretch.transpose(2, 3)


def _bounds(quadrics: _Quadrics, spread: Tensor, focal: Tensor, samples: int) -> tuple[Tensor, Tensor]:
    """(B, P, 2) lowest and highest tile of each ellipsoid's exact projected box, columns then rows."""
    depth, centre = quadrics.depths, quadrics.centres
    slope = depth**2 - spread[..., 2, 2]
    lows, highs = [], []
    for axis, sign in ((0, 1.0), (1, -1.0)):
        middle = centre[..., axis] * depth + spread[..., axis, 2]
        power = centre[..., axis] ** 2 - spread[..., axis, axis]
        root = (middle**2 - power * slope).clamp(min=0).sqrt()
        edges = torch.stack(((middle - root) / slope, (middle + root) / slope)) * sign * focal[:, None]
        edges = (edges + 0.5) * samples / TILE
        lows.append(edges.amin(0).floor())
        highs.append(edges.amax(0).floor())
    return torch.stack(lows, dim=-1), torch.stack(highs, dim=-1)


def _bin(low: Tensor, high: Tensor, present: Tensor, tiles: int) -> tuple[Tensor, Tensor]:
    """All (tile, ellipsoid) pairs that may touch, ordered by tile: flat tile ids and primitive ids."""
    steps = torch.arange(tiles, device=low.device)
    touches = (steps[:, None, None] >= low[:, None]) & (steps[:, None, None] <= high[:, None])
    columns, rows = touches[..., 0] & present[:, None], touches[..., 1]
    pairs = (rows[:, :, None] & columns[:, None]).flatten(0, 2).nonzero()
    return pairs[:, 0], pairs[:, 1]


def _buckets(tile: Tensor, primitive: Tensor, count: int) -> list[tuple[Tensor, Tensor]]:
    """Tiles grouped by load: (G,) tile ids and (G, M) primitive ids, padded with -1."""
    load = torch.bincount(tile, minlength=count)
    slot = torch.arange(len(tile), device=tile.device) - (load.cumsum(0) - load)[tile]
    table = torch.full((count, int(load.max())), -1, device=tile.device)
    table[tile, slot] = primitive
    groups, lowest = [], 0
    for size in BUCKETS:
        chosen = ((load > lowest) & (load <= size)).nonzero()[:, 0]
        if len(chosen):
            groups.append((chosen, table[chosen, :size]))
        lowest = size
    return groups


def _rays(
    quadrics: _Quadrics, item: Tensor, primitive: Tensor, x: Tensor, y: Tensor, step: Tensor
) -> tuple[Tensor, Tensor]:
    """Origins (at the ellipsoid's depth) and directions on its unit sphere, (G, M, 3, 64) each."""
    maps = quadrics.maps[item, primitive]
    depth, centre = quadrics.depths[item, primitive][..., None], quadrics.centres[item, primitive]
    across, up, back = maps.unbind(-1)
    x, y, step = (value[:, None, None] for value in (x, y, step))
    origin = (x * depth - centre[..., :1]) * across + (y * depth - centre[..., 1:2]) * up
    direction = x * across + y * up - back
    columns = torch.stack((across, -up), dim=-1) * step[..., None]
    affine = torch.cat(
        (
            torch.cat((origin[..., None], columns * depth[..., None]), -1),
            torch.cat((direction[..., None], columns), -1),
        ),
        dim=2,
    )
    within = torch.arange(TILE, device=x.device, dtype=x.dtype)
    basis = torch.stack((torch.ones(TILE * TILE, device=x.device), within.repeat(TILE), within.repeat_interleave(TILE)))
    lines = affine @ basis
    return lines[:, :, :3], lines[:, :, 3:]


def _kept(local: Tensor, cuts: Tensor, planes: Tensor, outline: Tensor) -> Tensor:
    """(K, 64) whether unit-sphere hits (K, 3, 64) survive the planes (K, 2, 3) and the outline (K,)."""
    inside = (planes @ local > cuts[..., None]).all(dim=1)
    square = ((outline == 2) | (outline == 4))[:, None]
    x, y = local[:, 0].square(), local[:, 1].square()
    radius = torch.where(square, x**3 + y**3, x + y)
    outer = torch.where(square, SQUARE**6, 0.985)
    inner = torch.where(square, (SQUARE * RIM) ** 6, RIM**2)
    disc, rim = (outline >= 3)[:, None], ((outline == 1) | (outline == 2))[:, None]
    return inside & torch.where(rim, (radius > inner) & (radius < outer), ~disc | (radius <= inner * 1.02))


def _meet(
    quadrics: _Quadrics, item: Tensor, primitive: Tensor, origin: Tensor, direction: Tensor
) -> tuple[Tensor, Tensor]:
    """Depths of first visible hits (G, M, 64), infinite for none, and the hits (G, M, 3, 64)."""
    planes, _, outline, _ = (trait.to(origin.device) for trait in _traits())
    a = direction.square().sum(2)
    b = (origin * direction).sum(2)
    c = origin.square().sum(2) - 1
    root = b * b - a * c
    hit = (root > 0) & (primitive >= 0)[..., None]
    root = root.clamp(min=0).sqrt()
    reach = (-b - root) / a
    special = (((planes[primitive] != 0).any(-1).any(-1)) | (outline[primitive] > 0)) & (primitive >= 0)
    chosen = special.flatten().nonzero()[:, 0]
    if len(chosen):
        _trim(quadrics, item, primitive, chosen, (origin, direction), (a, b, root), reach, hit)
    local = torch.addcmul(origin, direction, reach[:, :, None])
    depth = quadrics.depths[item, primitive][..., None] + reach
    return depth.masked_fill(~hit, torch.inf), local


def _trim(
    quadrics: _Quadrics,
    item: Tensor,
    primitive: Tensor,
    chosen: Tensor,
    ray: tuple[Tensor, Tensor],
    roots: tuple[Tensor, Tensor, Tensor],
    reach: Tensor,
    hit: Tensor,
) -> None:
    """Applies planes and outlines to the chosen pairs, in place: the near side if kept, else the far side."""
    planes, _, outline, _ = (trait.to(reach.device) for trait in _traits())
    origin, direction = (value.flatten(0, 1)[chosen] for value in ray)
    a, b, root = (value.flatten(0, 1)[chosen] for value in roots)
    which = primitive.flatten()[chosen]
    cuts = quadrics.cuts[item.expand_as(primitive).flatten()[chosen], which]
    near, far = (-b - root) / a, (-b + root) / a
    kept = [
        _kept(torch.addcmul(origin, direction, t[:, None]), cuts, planes[which], outline[which]) for t in (near, far)
    ]
    reach.flatten(0, 1)[chosen] = torch.where(kept[0], near, far)
    hit.flatten(0, 1)[chosen] &= kept[0] | kept[1]


def _blend(quadrics: _Quadrics, item: Tensor, primitive: Tensor, depth: Tensor, local: Tensor, best: Tensor) -> Tensor:
    """(G, 3, 64) unit normals at the nearest hits, melted with near neighbours of the same group."""
    group = _traits()[1].to(depth.device)[primitive][..., None].expand_as(depth)
    melt = _steepness().to(depth)[primitive][..., None]
    nearest = depth.gather(1, best)
    weight = torch.exp(melt * (nearest - depth)).masked_fill(group != group.gather(1, best), 0.0)
    weight = torch.nan_to_num(weight)
    normal = quadrics.maps[item, primitive].transpose(2, 3) @ local
    normal = normal * (weight / normal.square().sum(2).sqrt())[:, :, None]
    normal = normal.sum(1)
    return normal / normal.square().sum(1, keepdim=True).sqrt().clamp(min=1e-6)


def _lenses(primitive: Tensor, depth: Tensor, local: Tensor) -> tuple[Tensor, Tensor]:
    """Takes clear lenses out of the race: depths without them, and (G, 3, 64) the nearest lens hit in front."""
    clear = (_traits()[3].to(depth.device)[primitive] & (primitive >= 0))[..., None].expand_as(depth)
    lens = depth.masked_fill(~clear, torch.inf)
    depth = depth.masked_fill(clear, torch.inf)
    near, slot = lens.min(dim=1, keepdim=True)
    chosen = local.gather(1, slot[:, :, None].expand(-1, -1, 3, -1))[:, 0]
    in_front = near < depth.amin(1, keepdim=True)
    return depth, torch.where(in_front, chosen, 9.0)


def _resolve(quadrics: _Quadrics, focal: Tensor, tile: Tensor, primitive: Tensor, samples: int) -> Hits:
    """The visible surface of one bucket of tiles."""
    tiles = samples // TILE
    item, row, column = tile // tiles**2, tile // tiles % tiles, tile % tiles
    step = 1 / (samples * focal[item])
    x = (column * TILE + 0.5 - samples / 2) * step
    y = -(row * TILE + 0.5 - samples / 2) * step
    origin, direction = _rays(quadrics, item[:, None], primitive, x, y, step)
    depth, local = _meet(quadrics, item[:, None], primitive, origin, direction)
    depth, lens = _lenses(primitive, depth, local)
    nearest, best = depth.min(dim=1, keepdim=True)
    normal = _blend(quadrics, item[:, None], primitive, depth, local, best)
    winner = local.gather(1, best[:, :, None].expand(-1, -1, 3, -1))[:, 0]
    owner = primitive[..., None].expand_as(depth).gather(1, best)[:, 0]
    hit = torch.isfinite(nearest[:, 0]).flatten().nonzero()[:, 0]
    tile_of, inside = hit // TILE**2, hit % TILE**2
    u, v = column[tile_of] * TILE + inside % TILE, row[tile_of] * TILE + inside // TILE
    scale = step[tile_of]
    ray = torch.stack(((u + 0.5 - samples / 2) * scale, -(v + 0.5 - samples / 2) * scale))

    def pick(value: Tensor) -> Tensor:
        return value.transpose(0, 1).flatten(1)[:, hit]

    where = (item[tile_of] * samples + v) * samples + u
    return Hits(
        where, item[tile_of], owner.flatten()[hit], nearest.flatten()[hit], ray, pick(winner), pick(normal), pick(lens)
    )


def trace(head: Head, camera: Tensor, samples: int) -> Hits:
    """Casts ``samples`` x ``samples`` rays at every head.

    Args:
        head: B posed heads.
        camera: (B, 5), see ``Record.camera``.
        samples: rays per side, a multiple of 8.
    """
    quadrics, spread = _quadrics(head, camera)
    low, high = _bounds(quadrics, spread, camera[:, 4], samples)
    tiles = samples // TILE
    groups = _buckets(*_bin(low, high, head.present, tiles), len(camera) * tiles**2)
    parts = [_resolve(quadrics, camera[:, 4], tile, primitive, samples) for tile, primitive in groups]
    return Hits(*(torch.cat([getattr(part, name) for part in parts], dim=-1) for name in Hits.__dataclass_fields__))
