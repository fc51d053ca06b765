"""Whether a model finds the state that a picture would be made from: inverted, made again, compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from misen.app.evaluate.files import compare
from misen.app.evaluate.quality import intervals
from misen.app.inversion import Inverted
from misen.app.model import Model
from misen.core.guidance import Guidance
from misen.core.image import from_bytes, resize
from misen.data.samples import Samples
from misen.editing.methods import AUTO
from misen.metrics.grader import Grader, shipped_grader
from misen.metrics.report import InversionReport
from misen.perception.figures import mean
from misen.perception.senses import SIZE


def _unwatched(done: int, n: int) -> None:
    """Nobody waits for the pictures."""


def evaluate_inversion(
    model: Model,
    folder: Path | str,
    *,
    method: str = AUTO,
    modalities: Sequence[str] = (),
    num_inference_steps: int | None = None,
    guidance_scale: float | None = None,
    grader: Grader | None = None,
    watch: Callable[[int, int], None] = _unwatched,
) -> InversionReport:
    """Invert the pictures of a folder one by one, and make each again from what was found.

    Args:
        model: with the settings below.
        folder: in the convention of imagefolder; see `misen world render`.
        method: as of ``Model.invert``.
        modalities: what guides; columns of the folder's ``metadata.jsonl``.
        num_inference_steps: length of the walk, or updates of latents.
        guidance_scale: what strength 1 stands for; see ``Model.invert``.
        grader: the judge's networks; those that ship if left out.
        watch: told how many of how many pictures are done.

    Raises:
        NotFoundError: there is no such folder, or nothing in it.
        InputError: a setting, column or picture that cannot be used.
        Unreachable: the model has no way back under these wishes.
    """
    side, samples = grader or shipped_grader(), Samples.read(Path(folder), model.size, {m: m for m in modalities})
    images, found = from_bytes(samples.pixels), []
    for index in range(len(samples)):
        wishes = [Guidance(signal=signal[index]) for signal in samples.signals.values()]
        inverted = model.invert(
            images[index],
            *wishes,
            method=method,
            num_inference_steps=num_inference_steps,
            guidance_scale=guidance_scale,
        )
        found.append(inverted)
        watch(index + 1, len(samples))
    return _report(images, found, "+".join(modalities), side)


def _report(images: torch.Tensor, found: Sequence[Inverted], wish: str, grader: Grader) -> InversionReport:
    """The figures of pictures (N, 3, H, W) and their inversions."""
    rebuilt = torch.cat([inverted.inversion.images for inverted in found]).float().cpu()
    fidelities = [inverted.inversion.fidelity for inverted in found]
    parts = {
        **compare(resize(images, SIZE), rebuilt, grader),
        "psnr_codec": torch.cat([fidelity.codec for fidelity in fidelities]).cpu(),
        "psnr_ceiling": torch.cat([fidelity.ceiling for fidelity in fidelities]).cpu(),
    }
    figures = {name: mean(values) for name, values in parts.items()}
    recipe = found[0].recipe
    return InversionReport(
        model=found[0].opened.name,
        method=found[0].method,
        wish=wish,
        steps=found[0].steps,
        guidance_scale=recipe.guidance_scale or 0.0,
        n=len(found),
        ci95=intervals(figures),
        extractor=grader.name,
        seconds_per_image=sum(inverted.seconds for inverted in found) / len(found),
        **{name: figure.value for name, figure in figures.items()},
    )
