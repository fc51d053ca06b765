"""Ways back to latents beside each other: by encoder, by search from there, by search from the mean, and by a long one.

Each picture is one of the generator's own and is inverted in every way in turn, each time in another order; the judge
says how alike the rebuilt one is. It takes hours: ``python -m benchmarks inversion --n 100 --journals DIR`` goes on
where it was stopped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

import misen
from benchmarks.timing import QUICK, Effort, Row, median
from misen.app import Model
from misen.app.evaluate.files import compare
from misen.core.image import resize
from misen.metrics.grader import Grader, shipped_grader
from misen.metrics.rows import Row as Measured
from misen.perception.figures import mean
from misen.perception.senses import SIZE

MODEL = "avatars/gan"
PICTURES = 100
"""At most."""
HYBRID, SEARCH, LONG = 100, 500, 1000
"""Updates of latents: from what the encoder tells, usual ones from the mean, and those that the first compete with."""
ENCODER, FROM_ENCODER, FROM_MEAN, PLAIN = "encoder", "encoder and search", "search", "long search"

Column = Mapping[str, Tensor]
"""(n,) of each figure of one way."""


def ways(effort: Effort) -> Mapping[str, Mapping[str, Any]]:
    """Settings of ``Model.invert`` by way."""
    return {
        ENCODER: {"method": "encoder"},
        FROM_ENCODER: {"method": "hybrid", "num_inference_steps": effort.of(HYBRID)},
        FROM_MEAN: {"method": "optimize", "num_inference_steps": effort.of(SEARCH)},
        PLAIN: {"method": "optimize", "num_inference_steps": effort.of(LONG)},
    }


def measured(model: Model, grader: Grader, how: Mapping[str, Mapping[str, Any]], item: int) -> Measured:
    """The figures of the picture of one seed, by way."""
    picture = model.synthesize(seed=item).images[0].tensor
    turn = item % len(how)
    order = [*how][turn:] + [*how][:turn]
    found = {name: _figures(model, grader, picture, how[name]) for name in order}
    return {name: found[name] for name in how}


def _figures(model: Model, grader: Grader, picture: Tensor, how: Mapping[str, Any]) -> Mapping[str, float]:
    inverted = model.invert(picture, **how)
    alike = compare(resize(picture[None], SIZE), inverted.inversion.images.float(), grader)
    return {"seconds": inverted.seconds, **{name: float(value) for name, value in alike.items()}}


def columns(rows: Sequence[Measured]) -> Mapping[str, Column]:
    """Each figure of all pictures, by way."""
    return {
        way: {name: torch.tensor([row[way][name] for row in rows], dtype=torch.float64) for name in figures}
        for way, figures in rows[0].items()
    }


def rows(effort: Effort) -> Iterator[Row]:
    """What each way takes and how alike its pictures are, then how the ways compare."""
    model, grader, how = misen.load(MODEL), shipped_grader(), ways(effort)
    about = {"of": "inversion", "weights": model.opened.sha256, "judge": grader.name, "ways": how}
    count = min(PICTURES, effort.pictures)
    measured(model, grader, ways(QUICK), 0)  # networks are opened when they are first asked for
    found = columns(effort.work("inversion").rows(lambda item: measured(model, grader, how, item), count, about))
    for way, column in found.items():
        yield from _alone(way, column)
    yield from _compared(found)


def _alone(way: str, column: Column) -> Iterator[Row]:
    yield Row(way, median(column["seconds"]), "s")
    yield Row("  PSNR, median", median(column["psnr"]), "dB", ">= 28" if way == FROM_MEAN else "")
    yield Row("  LPIPS-A", mean(column["lpips_a"]), "")
    yield Row("  identity", mean(column["identity"]), "")


def _compared(found: Mapping[str, Column]) -> Iterator[Row]:
    """Ratios of times and differences of figures, paired by picture."""
    told, sought = found[ENCODER], found[FROM_MEAN]
    yield Row(f"{FROM_MEAN} - {ENCODER}, PSNR", median(sought["psnr"] - told["psnr"]), "dB", "<= 4")
    yield Row(f"{FROM_MEAN} / {ENCODER}, time", median(sought["seconds"] / told["seconds"]), "x", ">= 50")
    both, plain = found[FROM_ENCODER], found[PLAIN]
    yield Row(f"{FROM_ENCODER} - {PLAIN}, PSNR", median(both["psnr"] - plain["psnr"]), "dB", ">= 0")
    yield Row(f"{FROM_ENCODER} - {PLAIN}, LPIPS-A", mean(both["lpips_a"] - plain["lpips_a"]), "", "<= 0")
    yield Row(f"{PLAIN} / {FROM_ENCODER}, time", median(plain["seconds"] / both["seconds"]), "x", ">= 8")
