"""Joint text-image embeddings: two towers whose unit vectors agree where a sentence is true of a picture.

Source: Radford et al. 2021 (arXiv:2103.00020), section 2.3.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from misen.core.image import resize
from misen.core.shapes import Images, Maps, Scalar, Vectors
from misen.nn.convnext import ConvNeXtPyramid
from misen.nn.pooling import AttentionPool, TopDown
from misen.nn.pyramid import Pyramid
from misen.nn.residual import ResidualPyramid
from misen.perception.frozen import placed
from misen.perception.senses import SIZE
from misen.perception.text import TextTower

WIDTH = 128
Places = Float[Tensor, "batch 128"]
"""Unit vectors, one per picture or sentence."""
INITIAL_TEMPERATURE, LARGEST_SCALE = 0.07, 100.0


class ImageTower(nn.Module):
    """A pyramid, attended to at several places.

    Attributes:
        width: channels of the fused map at stride 4.
    """

    def __init__(self, pyramid: Pyramid, width: int, queries: int, pooled: int) -> None:
        """``queries`` counts the attention maps over the fused map, ``pooled`` is the width of the result."""
        super().__init__()
        self.width = width
        self.pyramid = pyramid
        self.fuse = TopDown(pyramid.widths[1:], width)
        self.pool = AttentionPool(width, queries)
        self.gather = nn.Linear(queries * width + pyramid.widths[-1], pooled)

    def forward(self, images: Images) -> Vectors:
        """(B, 3, H, W) in [-1, 1], resized to 64 pixels first -> (B, pooled)."""
        return self.look(images)[1]

    def look(self, images: Images) -> tuple[Maps, Vectors]:
        """Of the same pictures the fused map (B, width, 16, 16), and what is pooled of it."""
        maps = self.pyramid(resize(images, SIZE))
        fused = self.fuse(maps[1:])
        pooled: Tensor = self.gather(torch.cat([self.pool(fused), maps[-1].mean(dim=(2, 3))], dim=1))
        return fused, pooled


class JointEmbedding(nn.Module):
    """Pictures and sentences in one space of 128 dimensions.

    Attributes:
        picture: the image tower.
        words: the text tower.
    """

    def __init__(self, picture: ImageTower, words: TextTower) -> None:
        super().__init__()
        self.picture, self.words = picture, words
        self.project_picture = nn.Linear(picture.gather.out_features, WIDTH, bias=False)
        self.project_words = nn.Linear(words.model.config.hidden_size, WIDTH, bias=False)
        self.log_scale = nn.Parameter(torch.tensor(-math.log(INITIAL_TEMPERATURE)))

    def image(self, images: Images) -> Places:
        """(B, 3, H, W) in [-1, 1] -> (B, 128) unit vectors, where the pictures are; differentiable in them."""
        here = placed(self, images.device)
        return here.place_picture(here.picture(images))

    def look(self, images: Images) -> tuple[Maps, Places]:
        """Features of regions (B, 64, 16, 16) beside the unit vectors that ``image`` gives."""
        here = placed(self, images.device)
        regions, pooled = here.picture.look(images)
        return regions, here.place_picture(pooled)

    def text(self, sentences: Sequence[str]) -> Places:
        """B sentences -> (B, 128) unit vectors."""
        return self.place_words(self.words(sentences))

    def place_picture(self, pooled: Vectors) -> Places:
        """The image tower's pooled states -> unit vectors."""
        return functional.normalize(self.project_picture(pooled).float(), dim=1)

    def place_words(self, pooled: Vectors) -> Places:
        """The text tower's pooled states -> unit vectors."""
        return functional.normalize(self.project_words(pooled).float(), dim=1)

    @property
    def scale(self) -> Scalar:
        """The inverse temperature, at most 100."""
        return self.log_scale.exp().clamp(max=LARGEST_SCALE)


def joint_a() -> JointEmbedding:
    """The embedding that may steer, whose text tower also is the text encoder of every generator; untrained."""
    picture = ImageTower(ResidualPyramid((32, 64, 96, 112), (1, 1, 2, 1)), width=64, queries=12, pooled=256)
    return JointEmbedding(picture, TextTower(width=192, layers=4, heads=6))


def joint_b() -> JointEmbedding:
    """The embedding that only judges, untrained."""
    picture = ImageTower(ConvNeXtPyramid((32, 80, 128, 160), (0, 3, 3, 1)), width=64, queries=12, pooled=256)
    return JointEmbedding(picture, TextTower(width=128, layers=4, heads=4))
