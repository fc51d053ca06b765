"""Observers: one look at a picture answers everything the world knows of it."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from misen.core.image import resize
from misen.core.shapes import Images, Maps, Vectors
from misen.nn.convnext import ConvNeXtPyramid
from misen.nn.pooling import TopDown, average_under, soft_argmax
from misen.nn.pyramid import Pyramid
from misen.nn.residual import ResidualPyramid
from misen.perception.frozen import placed
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
SPREAD = 8.0
"""Brings landmarks, which lie near the middle of the picture, to the range of the other features."""
FINE, EDGES = 16, 24
"""Channels at full resolution: unfolded from the fused map, and of the layer that traces edges."""
VECTORS = {
    "attributes": ONE_HOT_WIDTH, "visible": len(LANDMARKS), "camera": CAMERA, "facing": 3,
    "identity": IDENTITY, "expression": len(EXPRESSION_AXES),
}  # fmt: skip
"""Widths of the heads that read the pooled features."""


class PartPool(nn.Module):
    """Looks at each part of the head in turn, where the segmentation finds it, and at how large it is."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.outputs = len(CLASSES) * (width + 1)

    def forward(self, fused: Maps, segmentation: Logits) -> Vectors:
        """(B, width, h, w) and class logits (B, 17, 2h, 2w) -> (B, outputs)."""
        share = functional.avg_pool2d(segmentation.detach().float().softmax(dim=1), 2).flatten(2)
        area = share.sum(dim=2, keepdim=True) + SPECK
        return torch.cat([average_under(share / area, fused), area.log().flatten(1).to(fused.dtype)], dim=1)


class PixelHead(nn.Module):
    """Draws a fused map at stride 2 out to every pixel, along the edges of the picture itself."""

    def __init__(self, width: int, outputs: int) -> None:
        super().__init__()
        self.unfold = nn.Conv2d(width, 4 * FINE, 1)
        self.trace = nn.Conv2d(FINE + 3, EDGES, 3, padding=1)
        self.decide = nn.Conv2d(EDGES, outputs, 3, padding=1)

    def forward(self, images: Images, fused: Maps) -> Float[Tensor, "batch outputs height width"]:
        """(B, 3, 2h, 2w) and (B, width, h, w) -> (B, outputs, 2h, 2w)."""
        fine = functional.relu(functional.pixel_shuffle(self.unfold(fused), 2))
        traced: Tensor = self.decide(functional.relu(self.trace(torch.cat([fine, images.to(fine.dtype)], dim=1))))
        return traced


class Observer(nn.Module):
    """A pyramid, its top-down fusion, and two groups of heads: per pixel, and pooled part by part.

    What the parts look like says most of the attributes; where the landmarks lie says the rest, pose and expression.
    """

    def __init__(self, pyramid: Pyramid, width: int) -> None:
        """``width`` is that of the fused map."""
        super().__init__()
        self.pyramid = pyramid
        self.fuse = TopDown(pyramid.widths, width)
        self.pixels = PixelHead(width, len(CLASSES) + 1)
        self.heat = nn.Conv2d(width, len(LANDMARKS), 1)
        self.pool = PartPool(width)
        self.gather = nn.Linear(self.pool.outputs + 2 * len(LANDMARKS) + pyramid.widths[-1], FEATURES)
        self.heads = nn.Linear(FEATURES, sum(VECTORS.values()))

    def forward(self, images: Images) -> Reading:
        """Read pictures (B, 3, H, W) in [-1, 1], resized to 64 pixels first, where they are; differentiable in them."""
        return placed(self, images.device).read(resize(images, SIZE))

    def read(self, images: Float[Tensor, "batch 3 64 64"]) -> Reading:
        """The same of pictures of that size, where the network is."""
        maps = self.pyramid(images)
        fused = self.fuse(maps)
        segmentation, depth = self.pixels(images, fused).split([len(CLASSES), 1], dim=1)
        landmarks = soft_argmax(self.heat(fused))
        features = self._gather(self.pool(fused, segmentation), landmarks, maps[-1])
        vectors = self.heads(functional.silu(features)).float().split(list(VECTORS.values()), dim=1)
        heads = dict(zip(VECTORS, vectors, strict=True))
        return Reading(
            attributes=heads["attributes"],
            segmentation=segmentation,
            landmarks=landmarks,
            landmarks_visible=heads["visible"],
            camera=_angles(heads["camera"]),
            facing=heads["facing"],
            depth=depth.float().sigmoid(),
            identity=functional.normalize(heads["identity"], dim=1),
            expression=heads["expression"],
            features=features.float(),
            pyramid=maps,
        )

    def _gather(
        self, parts: Vectors, landmarks: Float[Tensor, "batch 32 2"], deepest: Maps
    ) -> Float[Tensor, "batch 256"]:
        """(B, 256) of what the parts look like, where the landmarks are, and the whole."""
        places = (SPREAD * (landmarks - 0.5)).flatten(1).to(parts.dtype)
        gathered: Tensor = self.gather(torch.cat([parts, places, deepest.mean(dim=(2, 3))], dim=1))
        return gathered


def _angles(pairs: Float[Tensor, "batch 6"]) -> Float[Tensor, "batch 3"]:
    """(B, 6) sines and cosines -> (B, 3) radians; raw zeros mean straight ahead."""
    sine, cosine = pairs.chunk(2, dim=1)
    return torch.atan2(sine, cosine + 1)


def observer_a() -> Observer:
    """The residual observer that may steer and train, untrained."""
    return Observer(ResidualPyramid((40, 72, 104, 112), (1, 2, 2, 1)), width=48)


def observer_b() -> Observer:
    """The ConvNeXt observer that only judges, untrained."""
    return Observer(ConvNeXtPyramid((40, 88, 136, 176), (0, 3, 4, 1)), width=40)
