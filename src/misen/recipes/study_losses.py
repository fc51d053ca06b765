"""A controlled study: each of four losses with and without, everything else equal, over several seeds.

``python -m misen.recipes.study_losses out/world/train-a out/study/losses`` trains networks of 32 pixels, for at most
four minutes of a processor each, and prints what each loss does to its own figure. Run again after an interruption, it
does what is missing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import torch
from torch import Tensor

from misen.core.shapes import Scalar
from misen.data.cache import CachedWorld
from misen.metrics.rows import Row, Work
from misen.perception.figures import Figure, bootstrapped
from misen.recipes.ablations import ABLATIONS, Ablation, Bench, Columns
from misen.recipes.controlled import Extent, asked, configured
from misen.training import flushed_denormals


@dataclass(frozen=True)
class Run:
    """What came of one network.

    Attributes:
        loss: the one that is studied.
        present: whether it was trained with it.
        seed: of its training.
        samples: it was trained on.
        columns: what was measured of its pictures.
    """

    loss: str
    present: bool
    seed: int
    samples: int
    columns: Columns

    def row(self) -> Row:
        """The same as JSON values."""
        plain = {name: getattr(self, name) for name in ("loss", "present", "seed", "samples")}
        return {**plain, "columns": {name: values.tolist() for name, values in self.columns.items()}}

    @classmethod
    def of(cls, row: Row) -> Run:
        """Inverts ``row``."""
        columns = {name: torch.tensor(values, dtype=torch.float64) for name, values in row["columns"].items()}
        return cls(**{**row, "columns": columns})


def study(cache: str, folder: Path, seeds: int, extent: Extent) -> list[Run]:
    """Train and judge every network; those in the journal of ``folder`` are not trained again."""
    runs, world = list(product(ABLATIONS, range(seeds), (False, True))), CachedWorld(cache)
    about = {"of": "losses", "seeds": seeds, "extent": str(extent), "world": world.fingerprint}

    @flushed_denormals()
    def measure(item: int) -> Row:
        loss, seed, present = runs[item]
        name = f"{loss}-{'with' if present else 'without'}-{seed}"
        bench = Bench(world, configured(name, seed, extent), folder / name, extent.count)
        return Run(loss, present, seed, *ABLATIONS[loss].run(bench, present)).row()

    return [Run.of(row) for row in Work(journal=folder / "runs.jsonl").rows(measure, len(runs), about)]


def figures(runs: Sequence[Run]) -> dict[str, Figure]:
    """By name: the score of every loss without it and with it, over all seeds, and its effect."""
    found = {}
    for loss in dict.fromkeys(run.loss for run in runs):
        ablation, own = ABLATIONS[loss], [run for run in runs if run.loss == loss]
        without, present = ([run.columns for run in own if run.present == way] for way in (False, True))
        found[f"{loss}: without"] = scored(ablation, without)
        found[f"{loss}: with"] = scored(ablation, present)
        found[f"{loss}: effect"] = effect(ablation, present, without)
    return found


def scored(ablation: Ablation, seeds: Sequence[Columns]) -> Figure:
    """The mean of the seeds' scores; the interval resamples pictures and seeds."""
    return _resampled(seeds, lambda chosen, items: _mean(ablation, seeds, chosen, items))


def effect(ablation: Ablation, present: Sequence[Columns], without: Sequence[Columns]) -> Figure:
    """What the loss does; each picture and each seed is the same on both sides."""
    return _resampled(
        present,
        lambda chosen, items: ablation.effect(
            _mean(ablation, present, chosen, items), _mean(ablation, without, chosen, items)
        ),
    )


def _resampled(seeds: Sequence[Columns], statistic: Callable[[Sequence[int], Tensor], Scalar]) -> Figure:
    """Items in order stand for every seed once; items at random bring as many seeds at random."""
    pictures = len(next(iter(seeds[0].values())))
    return bootstrapped(lambda items: statistic((items[: len(seeds)] % len(seeds)).tolist(), items), pictures)


def _mean(ablation: Ablation, seeds: Sequence[Columns], chosen: Sequence[int], items: Tensor) -> Scalar:
    scores = [ablation.score({name: values[items] for name, values in seeds[seed].items()}) for seed in chosen]
    return torch.stack(scores).mean()


def lines(runs: Sequence[Run]) -> Iterator[str]:
    """What each network came to, and every figure, as lines of text."""
    for run in runs:
        way, score = "with" if run.present else "without", ABLATIONS[run.loss].score(run.columns)
        yield f"{run.loss} {way} {run.seed}  {run.samples:,} samples  {float(score):.4f}\n"
    for name, figure in figures(runs).items():
        yield f"{name:24s} {figure}\n"


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, do what is missing, and print."""
    sys.stdout.writelines(lines(study(*asked("misen.recipes.study_losses", __doc__, arguments))))


if __name__ == "__main__":
    main()
