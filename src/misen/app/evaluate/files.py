"""Pictures of files: how well a model repeats them, and how alike two folders are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from misen.app.evaluate.quality import SMALLEST, Reals, distance_intervals, distances, intervals
from misen.core.errors import InputError, NotFoundError
from misen.core.image import resize
from misen.media.picture import color, open_picture
from misen.metrics.fid import Moments
from misen.metrics.fidelity import psnr, ssim
from misen.metrics.grader import CHUNK, Grader, Survey, shipped_grader
from misen.metrics.identity import identity_likeness
from misen.metrics.report import FoldersReport, ReconstructionReport
from misen.metrics.sliced_wasserstein import Descriptors, describe_patches, sliced_wasserstein
from misen.perception.figures import mean
from misen.perception.senses import SIZE

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")


class Reconstructing(Protocol):
    """What can repeat pictures."""

    @property
    def name(self) -> str:
        """As in reports."""
        ...

    def reconstruct(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) in [-1, 1] -> the same pictures as the model repeats them."""
        ...


def evaluate_reconstruction(
    model: Reconstructing, folder: Path | str, *, grader: Grader | None = None
) -> ReconstructionReport:
    """Let a model repeat the pictures of a folder, brought to 64 pixels.

    Raises:
        NotFoundError: there is no such folder.
        InputError: it holds no picture, or one that cannot be read.
    """
    side = grader or shipped_grader()
    compared = [compare(images, model.reconstruct(images), side) for images in pictures(Path(folder))]
    figures = {name: mean(torch.cat([part[name] for part in compared])) for name in compared[0]}
    return ReconstructionReport(
        model=model.name,
        n=next(iter(figures.values())).n,
        ci95=intervals(figures),
        extractor=side.name,
        **{name: figure.value for name, figure in figures.items()},
    )


@torch.no_grad()
def compare(images: Tensor, repeated: Tensor, grader: Grader) -> dict[str, Tensor]:
    """How alike pictures (B, 3, 64, 64) in [-1, 1] and their repetitions of any size are: (B,) of each figure."""
    look, repeated = grader.senses.observer(), resize(repeated, SIZE)
    return {
        "psnr": psnr(images, repeated),
        "ssim": ssim(images, repeated),
        "lpips_a": grader.lpips()(images, repeated),
        "identity": identity_likeness(look(images), look(repeated)),
    }


def evaluate_folders(real: Path | str, fake: Path | str, *, grader: Grader | None = None) -> FoldersReport:
    """Compare two folders of pictures in the judge's features.

    Raises:
        NotFoundError: one of the folders does not exist.
        InputError: one holds fewer than 20 pictures, or one that cannot be read.
    """
    side = grader or shipped_grader()
    (first, true_patches), (second, patches) = (_survey(Path(folder), side) for folder in (real, fake))
    reals = Reals(first.features, first.appearance, Moments.of(first.features))
    values = {_NAMES.get(name, name): value for name, value in distances(second, reals).items()}
    spread = {_NAMES.get(name, name): interval for name, interval in distance_intervals(second, reals).items()}
    precision, recall = values["precision_a"], values["recall_a"]
    return FoldersReport(
        real=len(first),
        fake=len(second),
        sliced_wasserstein_distance=sliced_wasserstein(true_patches, patches),
        f_score_a=2 * precision * recall / (precision + recall) if precision + recall else 0.0,
        ci95=spread,
        extractor=side.name,
        **values,
    )


_NAMES = {
    "fid_a": "frechet_inception_distance_a",
    "kid_a": "kernel_inception_distance_a_mean",
    "kid_a_std": "kernel_inception_distance_a_std",
    "is_a_mean": "inception_score_a_mean",
    "is_a_std": "inception_score_a_std",
}
"""Our names of figures in torch-fidelity's words."""


def _survey(folder: Path, grader: Grader) -> tuple[Survey, Descriptors]:
    looks = [(grader.survey(images), describe_patches(images)) for images in pictures(folder, least=SMALLEST)]
    surveys, described = zip(*looks, strict=True)
    return Survey.cat(surveys), [torch.cat(parts) for parts in zip(*described, strict=True)]


def pictures(folder: Path, least: int = 1) -> Iterator[Tensor]:
    """The pictures of a folder in order of their names, (B, 3, 64, 64) in [-1, 1], a chunk at a time.

    Raises:
        NotFoundError: there is no such folder.
        InputError: it holds fewer than ``least``, or one that cannot be read.
    """
    if not folder.is_dir():
        raise NotFoundError(f"there is no folder {folder}", field="folder")
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    if len(paths) < least:
        accepted = f"at least {least} files of {', '.join(SUFFIXES)} are needed"
        raise InputError(f"{folder} holds {len(paths)} pictures", field="folder", hint=accepted)
    for start in range(0, len(paths), CHUNK):
        yield torch.cat([resize(color(open_picture(path)), SIZE) for path in paths[start : start + CHUNK]])
