"""How far a picture is from the exemplar, as the coach sees both: in identity, in content or in style.

Source: Liu et al. 2023, semantic diffusion guidance (arXiv:2112.05744), section 3.3, for content and style; deviation:
features of our own observer, each map of its pyramid counting alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn import functional

from misen.core.energy import Disagreement
from misen.core.shapes import Images, Maps, PerItem, Pyramids, Vectors
from misen.core.view import View
from misen.modalities.exemplar.signal import Exemplar
from misen.perception.senses import Look, Senses

Summary = Callable[[Maps], Vectors]
"""What counts of a feature map."""
Distance = Callable[[Vectors, Vectors], PerItem]
"""How far what is seen, the first, is from what is wanted: >= 0, 0 if equal."""


class ExemplarEnergy:
    """1 - cosine of the two identities.

    Attributes:
        measures: "identity", which is this one; "content", the same things in the same places, and "style", the same
            features wherever they are, both by cosine; and both by squared distance.
    """

    placeless = True

    def __init__(self, look: Look) -> None:
        """Look with an observer."""
        self.look = look
        self.measures: Mapping[str, ExemplarEnergy | FeaturesEnergy] = {
            "identity": self,
            "content": FeaturesEnergy(look, content, unlikeness),
            "content-l2": FeaturesEnergy(look, content, squared),
            "style": StyleEnergy(look, style, unlikeness),
            "style-l2": StyleEnergy(look, style, squared),
        }

    def begin(self, signal: Exemplar, first: View) -> Disagreement:
        """Look at the exemplar once."""
        with torch.no_grad():
            wanted = self.look(signal.image).identity

        def disagreement(view: View) -> Tensor:
            return (1 - (self.look(view.image).identity * wanted).sum(1)).clamp_min(0)

        return disagreement


class FeaturesEnergy:
    """Mean over the maps of a pyramid of the distance between summaries of what is seen and wanted."""

    def __init__(self, look: Look, summary: Summary, distance: Distance) -> None:
        """Look with an observer."""
        self.look, self.summary, self.distance = look, summary, distance

    def begin(self, signal: Exemplar, first: View) -> Disagreement:
        """Look at the exemplar once."""
        with torch.no_grad():
            wanted = self._summaries(signal.image)

        def disagreement(view: View) -> Tensor:
            pairs = zip(self._summaries(view.image), wanted, strict=True)
            return torch.stack([self.distance(seen, given) for seen, given in pairs]).mean(0)

        return disagreement

    def _summaries(self, images: Images) -> list[Vectors]:
        pyramid: Pyramids = self.look(images).pyramid
        return [self.summary(maps.float()) for maps in pyramid]


class StyleEnergy(FeaturesEnergy):
    """The same for summaries that say nothing of places."""

    placeless = True


def content(maps: Maps) -> Vectors:
    """(B, C, h, w) -> (B, C * h * w): every feature at its place."""
    return maps.flatten(1)


def style(maps: Maps) -> Vectors:
    """(B, C, h, w) -> (B, C * C): which features go together, wherever.

    Source: Gatys et al. 2016, "Image style transfer using convolutional neural networks", equation 3.
    """
    features = maps.flatten(2)
    gram: Tensor = features @ features.mT / features.shape[2]
    return gram.flatten(1)


def unlikeness(seen: Vectors, wanted: Vectors) -> PerItem:
    """1 - cosine."""
    return (1 - functional.cosine_similarity(seen, wanted, dim=1)).clamp_min(0)


def squared(seen: Vectors, wanted: Vectors) -> PerItem:
    """The squared distance, relative to the wanted vector's own square."""
    return (seen - wanted).square().sum(1) / wanted.square().sum(1).clamp_min(1e-6)


def build(coach: Senses) -> ExemplarEnergy:
    """The energy of what the coach's observer sees."""
    return ExemplarEnergy(coach.observer())
