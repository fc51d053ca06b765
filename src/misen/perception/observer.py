"""Observers: one look at a picture answers everything the world knows of it."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from misen.core.image import resize
from misen.core.shapes import Images, Maps, Vectors
from misen.nn.convnext import ConvNeXtPyramid
from misen.nn.pooling import AttentionPool, TopDown, average_under, soft_argmax
from misen.nn.pyramid import Pyramid
from misen.nn.residual import ResidualPyramid
from misen.perception.reading import Reading
from misen.perception.senses import SIZE
from misen.scene.anatomy import CLASSES, EXPRESSION_AXES, LANDMARKS
from misen.scene.attributes import ONE_HOT_WIDTH

FEATURES, IDENTITY = 256, 64
CAMERA = 6  # sine and cosine of yaw, pitch and roll
Logits = Float[Tensor, "batch 17 2*rows 2*columns"]
"""Of classes, on a grid twice as fine as that of the fused map."""
SPECK = 0.1
"""Area, in cells of the fused map, below which a part counts as absent."""
VECTORS = {
    "attributes": ONE_HOT_WIDTH, "visible": len(LANDMARKS), "camera": CAMERA, "facing": 3,
    "identity": IDENTITY, "expression": len(EXPRESSION_AXES),
}  # fmt: skip
"""Widths of the heads that read the pooled features."""


@runtime_checkable
class Pool(Protocol):
    """Gathers the fused map into one vector per picture.

    Attributes:
        outputs: length of the vector.
    """

    outputs: int

    def read(self, fused: Maps, segmentation: Logits) -> Vectors:
        """(B, width, h, w) and class logits (B, 17, 2h, 2w) -> (B, outputs)."""
        ...


class LearnedPool(AttentionPool):
    """Learns by itself where to look."""

    def read(self, fused: Maps, segmentation: Logits) -> Vectors:
        """(B, width, h, w) and class logits -> (B, outputs)."""
        return self.forward(fused)


class PartPool(nn.Module):
    """Looks at each part of the head in turn, where the segmentation finds it, and at how large it is."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.outputs = len(CLASSES) * (width + 1)

    def read(self, fused: Maps, segmentation: Logits) -> Vectors:
        """(B, width, h, w) and class logits -> (B, outputs)."""
        share = functional.avg_pool2d(segmentation.detach().float().softmax(dim=1), 2).flatten(2)
        area = share.sum(dim=2, keepdim=True)
        pooled = average_under(share / (area + SPECK), fused)
        return torch.cat([pooled, (area + SPECK).log().flatten(1).to(pooled.dtype)], dim=1)


class Observer(nn.Module):
    """A pyramid, its top-down fusion, and two groups of heads: per pixel and pooled."""

    def __init__(self, pyramid: Pyramid, width: int, pool: Pool) -> None:
        """``width`` is that of the fused map, which ``pool`` gathers."""
        super().__init__()
        self.pyramid = pyramid
        self.fuse = TopDown(pyramid.widths, width)
        self.pixels = nn.Conv2d(width, 4 * (len(CLASSES) + 1), 1)
        self.heat = nn.Conv2d(width, len(LANDMARKS), 1)
        self.pool = pool
        self.gather = nn.Linear(pool.outputs + pyramid.widths[-1], FEATURES)
        self.heads = nn.Linear(FEATURES, sum(VECTORS.values()))

    def forward(self, images: Images) -> Reading:
        """Read pictures (B, 3, H, W) in [-1, 1], resized to 64 pixels first; differentiable in them."""
        maps = self.pyramid(resize(images, SIZE))
        fused = self.fuse(maps)
        segmentation, depth = functional.pixel_shuffle(self.pixels(fused), 2).split([len(CLASSES), 1], dim=1)
        gathered = self.pool.read(fused, segmentation)
        features = self.gather(torch.cat([gathered, maps[-1].mean(dim=(2, 3))], dim=1))
        vectors = self.heads(functional.silu(features)).float().split(list(VECTORS.values()), dim=1)
        heads = dict(zip(VECTORS, vectors, strict=True))
        return Reading(
            attributes=heads["attributes"],
            segmentation=segmentation,
            landmarks=soft_argmax(self.heat(fused)),
            landmarks_visible=heads["visible"],
            camera=_angles(heads["camera"]),
            facing=heads["facing"],
            depth=depth.float().sigmoid(),
            identity=functional.normalize(heads["identity"], dim=1),
            expression=heads["expression"],
            features=features.float(),
            pyramid=maps,
        )


def _angles(pairs: Float[Tensor, "batch 6"]) -> Float[Tensor, "batch 3"]:
    """(B, 6) sines and cosines -> (B, 3) radians; raw zeros mean straight ahead."""
    sine, cosine = pairs.chunk(2, dim=1)
    return torch.atan2(sine, cosine + 1)


def observer_a() -> Observer:
    """The residual observer that may steer and train, untrained."""
    return Observer(ResidualPyramid((40, 72, 104, 112), (1, 2, 2, 1)), width=48, pool=LearnedPool(48, 16))


def observer_b() -> Observer:
    """The ConvNeXt observer that only judges, untrained."""
    return Observer(ConvNeXtPyramid((40, 88, 136, 176), (0, 3, 4, 1)), width=40, pool=PartPool(40))
