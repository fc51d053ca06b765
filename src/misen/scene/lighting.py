"""Light on the samples: key, sky, bounce and rim light, soft shadows, ambient occlusion, highlights, tone mapping."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from misen.scene.attributes import BY_KEY, COLUMN
from misen.scene.camera import to_camera, view_rotation
from misen.scene.head import Head
from misen.scene.materials import mix, responses
from misen.scene.painting import Paint, smooth
from misen.scene.primitives import INDEX, PRIMITIVES
from misen.scene.raster import Hits
from misen.scene.record import Record

BODY, FACE = frozenset({"neck", "shirt"}), frozenset({"skin", "nose", "eye", "brow", "hair"})
OCCLUDERS: tuple[tuple[str, frozenset[str]], ...] = (
    ("jaw", BODY),
    ("cranium", BODY),
    ("beard chin", BODY),
    ("left curtain", BODY),
    ("right curtain", BODY),
    ("nose tip", frozenset({"skin"})),
    ("cap brim", FACE),
    ("top hat brim", FACE),
    ("beanie fold", frozenset({"skin", "brow", "eye"})),
    ("quiff front", frozenset({"skin"})),
    ("left parting", frozenset({"skin"})),
    ("right parting", frozenset({"skin"})),
    ("left cord", frozenset({"shirt"})),
    ("right cord", frozenset({"shirt"})),
)
"""Which primitives shade which classes."""


@cache
def _receivers(classes: frozenset[str]) -> Tensor:
    return torch.tensor([primitive.label in classes for primitive in PRIMITIVES])


def _position(hits: Hits, camera: Tensor) -> Tensor:
    """(3, S) camera-space positions."""
    return torch.cat((hits.ray * hits.depth, (camera[hits.item, 3] - hits.depth)[None]))


def _shade(head: Head, record: Record, hits: Hits, paint: Paint) -> tuple[Tensor, Tensor]:
    """(S,) share of the key light, and (S,) share of the sky, that occluders let through."""
    position = _position(hits, record.camera)
    key, sky = torch.ones_like(hits.depth), torch.ones_like(hits.depth)
    view = view_rotation(record.camera)
    centres = to_camera(record.camera, head.centres)
    for name, classes in OCCLUDERS:
        occluder = INDEX[name]
        receives = _receivers(classes).to(key.device)[hits.primitive] & (hits.primitive != occluder)
        samples = (receives & head.present[:, occluder][hits.item]).nonzero()[:, 0]
        item = hits.item[samples]
        maps = (head.axes[:, occluder].transpose(1, 2) / head.radii[:, occluder, :, None]) @ view.transpose(1, 2)
        towards = centres[:, occluder][item].T - position[:, samples]
        local = -torch.einsum("sij,js->is", maps[item], towards)
        beam = (maps @ record.light[:, :3, None])[:, :, 0][item].T
        key[samples] *= _shadow(local, beam)
        sky[samples] *= _occlusion(local, towards, paint.normal[:, samples])
    return key, sky


def _shadow(local: Tensor, beam: Tensor) -> Tensor:
    """Soft shadow of a unit sphere on points (3, n) lit along (3, n) directions of its space."""
    square, along = beam.square().sum(0), (local * beam).sum(0)
    closest = (local.square().sum(0) - along.square() / square).clamp(min=0).sqrt()
    hidden = smooth(1.25, 0.75, closest) * smooth(0.1, -0.4, along / square.sqrt())
    return 1 - 0.72 * hidden


def _occlusion(local: Tensor, towards: Tensor, normal: Tensor) -> Tensor:
    """Ambient light left by a unit sphere: less the closer it is and the more the surface faces it."""
    facing = ((normal * towards).sum(0) / towards.square().sum(0).sqrt()).clamp(min=-0.3) * 0.77 + 0.23
    return 1 - 0.75 * facing.clamp(min=0) / local.square().sum(0).clamp(min=1.0)


def _studio(reflected: Tensor) -> Tensor:
    """(S,) brightness of two soft boxes and a window in the direction (3, S)."""
    x, y, z = reflected
    front = smooth(-0.2, 0.2, z)
    left = smooth(-0.78, -0.70, x) * smooth(-0.36, -0.44, x) * smooth(0.12, 0.2, y) * smooth(0.80, 0.72, y)
    right = smooth(0.60, 0.66, x) * smooth(0.86, 0.80, x) * smooth(-0.35, -0.25, y) * smooth(0.55, 0.45, y)
    return front * (left + 0.55 * right)


def _unit(vector: Tensor) -> Tensor:
    return vector / vector.square().sum(0).sqrt().clamp(min=1e-6)


def _highlights(paint: Paint, record: Record, hits: Hits, beam: Tensor, view: Tensor) -> Tensor:
    """(S,) mirror-like light: a broad sheen when matte; a sharp spot and studio reflections when glossy."""
    _, _, shine, gloss, polish = responses().to(view)[paint.material].unbind(1)
    glossy = (record.attributes[:, COLUMN["material"]] == BY_KEY["material"].index("glossy"))[hits.item]
    normal = paint.normal
    half = (normal * _unit(beam + view)).sum(0).clamp(min=1e-4)
    facing = (normal * view).sum(0)
    fresnel = 0.35 + 0.65 * (1 - facing.clamp(0, 1)) ** 3
    studio = _studio(2 * facing * normal - view)
    sheen = shine * half**polish
    return torch.where(glossy, gloss * (0.55 * half**55 + 0.55 * fresnel * studio) + 0.5 * sheen, sheen)


def light_hits(head: Head, record: Record, hits: Hits, paint: Paint) -> Tensor:
    """(3, S) sRGB colours in [0, 1] of the lit samples."""
    wrap, scatter = responses().to(hits.depth)[paint.material, :2].unbind(1)
    beam, strength = record.light[:, :3][hits.item].T, record.light[:, 3][hits.item]
    view = -_unit(torch.cat((hits.ray, -torch.ones_like(hits.depth)[None])))
    key, sky = _shade(head, record, hits, paint)
    lit = (((paint.normal * beam).sum(0) + wrap) / (1 + wrap)).clamp(min=0) * key
    warm = torch.tensor([1.0, 0.42, 0.30], device=lit.device)[:, None]
    glow = scatter * 0.30 * smooth(0.0, 0.22, lit) * smooth(0.55, 0.22, lit)
    key_light = (
        torch.tensor([1.0, 0.96, 0.90], device=lit.device)[:, None] * (1.02 * strength * lit) + warm * glow * 0.35
    )
    above = 0.5 + 0.5 * paint.normal[1]
    ground, heaven = (torch.tensor(c, device=lit.device)[:, None] for c in ((0.30, 0.25, 0.24), (0.50, 0.53, 0.60)))
    ambient = mix(ground, heaven, above) * sky
    edge = (1 - (paint.normal * view).sum(0).clamp(0, 1)) ** 3
    rim = 0.38 * edge * (0.35 + 0.65 * above) * sky
    spot = _highlights(paint, record, hits, beam, view) * (0.35 + 0.65 * key)
    color = paint.color * (key_light + ambient + 0.6 * rim) + 0.18 * rim + spot + paint.glow
    return tone(color)


def tone(light: Tensor) -> Tensor:
    """Linear light to sRGB in [0, 1], with a soft shoulder."""
    return (light * (1 + light / 6.5) / (1 + 0.42 * light)).clamp(1e-5, 1) ** (1 / 2.2)
