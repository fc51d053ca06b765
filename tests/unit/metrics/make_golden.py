"""Writes golden.json: what other implementations say of features drawn from a seed.

``PYTHONPATH=tests python -m unit.metrics.make_golden``, last run with numpy 2.4.6, scipy 1.17.1, scikit-image 0.26.0
and torchmetrics 1.9.0.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from scipy.linalg import sqrtm
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch import nn
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.inception import InceptionScore
from torchmetrics.image.kid import KernelInceptionDistance

from unit.metrics.given import features, pictures

NEAREST, DENSE = 3, 5


class Given(nn.Module):
    """Hands features on as they come."""

    num_features = 24

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return values


def by_scipy(real: np.ndarray, fake: np.ndarray) -> float:
    covariances = [np.cov(values, rowvar=False) for values in (real, fake)]
    root = sqrtm(covariances[0] @ covariances[1]).real
    shift = real.mean(0) - fake.mean(0)
    return float(shift @ shift + np.trace(covariances[0] + covariances[1] - 2 * root))


def by_torchmetrics(real: np.ndarray, fake: np.ndarray) -> dict[str, float]:
    first, second = torch.from_numpy(real), torch.from_numpy(fake)
    fid = FrechetInceptionDistance(feature=Given()).set_dtype(torch.float64)
    kid = KernelInceptionDistance(feature=Given(), subsets=1, subset_size=180)
    for metric in (fid, kid):
        metric.update(first[:180], real=True)
        metric.update(second, real=False)
    score = InceptionScore(feature=Given(), splits=1)
    score.update(first)
    return {
        "fid_180": float(fid.compute()),
        "kid_180": float(kid.compute()[0]),
        "inception_score": float(score.compute()[0]),
    }


def distances(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.linalg.norm(first[:, None] - second[None], axis=2)


def by_loops(real: np.ndarray, fake: np.ndarray) -> dict[str, float]:
    """Precision, recall, density and coverage, straight from their definitions."""
    real_radius, dense_radius = np.sort(distances(real, real), axis=1)[:, [NEAREST, DENSE]].T
    fake_radius = np.sort(distances(fake, fake), axis=1)[:, NEAREST]
    across = distances(real, fake)
    return {
        "precision": np.mean([any(across[i, j] <= real_radius[i] for i in range(200)) for j in range(180)]),
        "recall": np.mean([any(across[i, j] <= fake_radius[j] for j in range(180)) for i in range(200)]),
        "density": np.mean([sum(across[i, j] <= dense_radius[i] for i in range(200)) / DENSE for j in range(180)]),
        "coverage": np.mean([across[i].min() <= dense_radius[i] for i in range(200)]),
    }


def by_skimage(first: np.ndarray, second: np.ndarray) -> dict[str, list[float]]:
    gaussian = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    return {
        "ssim": [
            float(structural_similarity(a, b, data_range=2, channel_axis=0, **gaussian))
            for a, b in zip(first, second, strict=True)
        ],
        "psnr": [float(peak_signal_noise_ratio(a, b, data_range=2)) for a, b in zip(first, second, strict=True)],
    }


def main() -> None:
    real, fake = features()
    golden = {
        "fid": by_scipy(real, fake),
        **by_torchmetrics(real, fake),
        **by_loops(real, fake),
        **by_skimage(*pictures()),
    }
    Path(__file__).with_name("golden.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
