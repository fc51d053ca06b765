"""What quality is measured against: real renders, and the pictures of a naive generator, as the judge's features.

The naive generator G is a Gaussian on the principal components of training renders. It has every linear correlation of
the pixels right and nothing else, so FID-A(model) / FID-A(G) has the same meaning whatever the features are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from misen.core.errors import LimitError, ModelFileError
from misen.metrics.fid import Moments, frechet_distance
from misen.nn.weights import WEIGHTS, read_card, read_tensors, save_tensors


@dataclass(frozen=True)
class Reference:
    """Statistics of pictures, seen by one extractor.

    Attributes:
        extractor: name and hash of the network, see ``Grader``.
        moments: of 10,000 test renders.
        real: (N, D) features of further test renders.
        naive: (N, D) features of pictures drawn from G.
        texture: (N, E) of the same pictures as ``real``, see ``Survey``.
    """

    extractor: str
    moments: Moments
    real: Tensor
    naive: Tensor
    texture: Tensor

    @property
    def appearance(self) -> Tensor:
        """(N, D + E) features beside texture of every real picture, see ``Survey``."""
        return torch.cat([self.real, self.texture], dim=1)

    def reals(self, count: int) -> Tensor:
        """(count, D) features of real pictures; raises ``LimitError`` if there are fewer."""
        self._require(count)
        return self.real[:count]

    def naive_distance(self, count: int) -> float:
        """FID-A of ``count`` pictures of G.

        Raises:
            LimitError: the reference holds fewer.
        """
        self._require(count)
        return frechet_distance(self.moments, Moments.of(self.naive[:count]))

    def real_distance(self, count: int) -> float:
        """FID-A of ``count`` real pictures; raises ``LimitError`` if there are fewer."""
        return frechet_distance(self.moments, Moments.of(self.reals(count)))

    def save(self, folder: Path, facts: Mapping[str, Any]) -> None:
        """Write features in half, moments in single precision, and a card that also tells ``facts``."""
        tensors = {
            "mean": self.moments.mean.float(),
            "covariance": self.moments.covariance.float(),
            "real": self.real.half(),
            "naive": self.naive.half(),
            "texture": self.texture.half(),
        }
        save_tensors(tensors, folder, {"extractor": self.extractor, **facts})

    @classmethod
    def load(cls, folder: Path, extractor: str) -> Reference:
        """What ``save`` wrote.

        Raises:
            ModelFileError: it was made with another extractor than ``extractor``, or is no such file.
        """
        card = read_card(folder)
        if card.get("extractor") != extractor:
            raise ModelFileError(
                f"the reference at {folder} was made with {card.get('extractor')}, not with {extractor}",
                field=str(folder), hint="make it again with `python -m misen.recipes.build_reference`",
            )  # fmt: skip
        tensors = read_tensors(folder / WEIGHTS, card["sha256"])
        moments = Moments(tensors["mean"].double(), tensors["covariance"].double())
        return cls(extractor, moments, *(tensors[name].float() for name in ("real", "naive", "texture")))

    def _require(self, count: int) -> None:
        if count > min(len(self.real), len(self.naive)):
            limit = f"at most {min(len(self.real), len(self.naive)):,}"
            raise LimitError(f"n is {count:,}; the reference has {limit} pictures", field="n", hint=f"ask for {limit}")


def naive_pictures(renders: Tensor, count: int, components: int = 256, seed: int = 0) -> Tensor:
    """Draw from G.

    Args:
        renders: (N, 3, H, W) in [-1, 1], N > ``components``.
        count: pictures.
        components: principal components of the Gaussian.
        seed: decides the draws, and the start of the randomized decomposition.

    Returns:
        (count, 3, H, W), clipped to [-1, 1].
    """
    flat = renders.flatten(1)
    mean = flat.mean(dim=0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        _, lengths, axes = torch.svd_lowrank(flat - mean, components, niter=4)
        weights = torch.randn(count, components) * lengths / (len(flat) - 1) ** 0.5
    drawn: Tensor = mean + weights @ axes.T
    return drawn.clamp(-1, 1).view(count, *renders.shape[1:])
