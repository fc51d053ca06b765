"""Adherence: what a judge says of pictures, between what it says of the truth and of pictures made for someone else.

A score by itself means little, because the judge errs and because much of a wish comes true by chance. So every picture
is scored three times, and the score is read on the scale that the controls span.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from misen.core.judge import Judge
from misen.core.signal import Signal
from misen.perception.figures import Figure, bootstrapped


@dataclass(frozen=True)
class Trial:
    """The judge's scores of N items, NaN where a signal asks for nothing.

    Attributes:
        made: (N,) of the generated pictures, each against its own signal.
        oracle: (N,) of the renderer's pictures, each against its own signal.
        shuffled: (N,) of the generated pictures, each against the signal of another item.
    """

    made: Tensor
    oracle: Tensor
    shuffled: Tensor

    @classmethod
    def cat(cls, trials: Sequence[Trial]) -> Trial:
        """One trial from several."""
        return cls(*(torch.cat(parts) for parts in zip(*(trial.columns for trial in trials), strict=True)))

    @property
    def columns(self) -> tuple[Tensor, Tensor, Tensor]:
        """The three kinds of scores."""
        return self.made, self.oracle, self.shuffled

    def __len__(self) -> int:
        return len(self.made)

    def __getitem__(self, items: Tensor) -> Trial:
        """Some items."""
        return Trial(*(column[items] for column in self.columns))

    def normalized(self) -> Tensor:
        """() 0 = as good as a picture made for someone else, 1 = as good as the truth."""
        made, oracle, shuffled = (column.double().nanmean() for column in self.columns)
        return (made - shuffled) / (oracle - shuffled)


@torch.no_grad()
def examine(judge: Judge, signal: Signal, made: Tensor, truth: Tensor, seed: int = 0) -> Trial:
    """Score B >= 2 generated pictures and the B true ones."""
    return Trial(
        made=judge.score(made, signal),
        oracle=judge.score(truth, signal),
        shuffled=judge.score(made, signal[derangement(len(signal), seed)]),
    )


def derangement(count: int, seed: int = 0) -> Tensor:
    """(count,) a random permutation that leaves nothing in its place; ``count`` >= 2."""
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    partner = torch.empty_like(order)
    partner[order] = order.roll(1)
    return partner


def adherence(trial: Trial) -> Figure:
    """The normalized score; its interval resamples items, with all three scores of each."""
    return bootstrapped(lambda items: trial[items].normalized(), len(trial))


def loss(alone: Trial, together: Trial) -> Figure:
    """How much of the normalized score is lost when the same items obey a second signal as well."""
    return bootstrapped(lambda items: alone[items].normalized() - together[items].normalized(), len(alone))
