"""Builds what quality is measured against: ``python -m misen.recipes.build_reference``.

Renders 10,000 training avatars for the naive generator and 12,000 of the test range, and stores them as features of the
shipped judge. To be run again whenever the judge changes; about six minutes on two cores.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from rich.progress import track
from torch import Tensor

from misen.metrics.fid import Moments
from misen.metrics.grader import Grader, shipped_grader
from misen.metrics.reference import Reference, naive_pictures
from misen.nn.weights import SHIPPED
from misen.scene.renderer import render
from misen.scene.splits import TEST, TRAIN_A, Split

COUNT, KEPT = 10_000, 2_000
"""Renders behind the moments and behind the naive generator; pictures whose features are kept."""
CHUNK = 200
SIZES = (500, 1000, 2000)
"""Numbers of pictures for which the card tells the distances."""


def renders(split: Split, start: int, count: int) -> Tensor:
    """(count, 3, 64, 64) pictures of elements of a split."""
    steps = range(start, start + count, CHUNK)
    chunks = track(steps, f"{count:,} renders of {split.name}")
    return torch.cat([render(split.records(first, min(CHUNK, start + count - first))) for first in chunks])


def build_reference(grader: Grader, count: int = COUNT, kept: int = KEPT) -> Reference:
    """The reference in the features of ``grader``."""
    naive = naive_pictures(renders(TRAIN_A, 0, count), kept)
    seen = grader.survey(renders(TEST, 0, count + kept))
    return Reference(
        grader.name,
        moments=Moments.of(seen.features[:count]),
        real=seen.features[count:],
        naive=grader.survey(naive).features,
        texture=seen.texture[count:],
    )


def facts(reference: Reference) -> dict[str, Any]:
    """What the card says: where the pictures come from, and how far naive and real ones are at usual sizes."""
    sizes = [count for count in SIZES if count <= len(reference.real)]
    return {
        "name": "reference",
        "licence": "Apache-2.0",
        "data": f"elements 0 to {COUNT + KEPT - 1} of the test range; naive: of 0 to {COUNT - 1} of training A",
        "command": "python -m misen.recipes.build_reference",
        "fid_a_naive": {str(count): round(reference.naive_distance(count), 4) for count in sizes},
        "fid_a_real_vs_real": {str(count): round(reference.real_distance(count), 4) for count in sizes},
    }


def main(folder: Path = SHIPPED / "reference") -> None:
    """Build with the shipped judge and write to ``folder``."""
    reference = build_reference(shipped_grader())
    reference.save(folder, facts(reference))


if __name__ == "__main__":
    main()
