"""What callers may watch while pictures are made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from misen.synthesis import Moment, Watch, silent


@dataclass(frozen=True)
class Progress:
    """What a callback sees after each step.

    Attributes:
        walk: which walk is under way, from 0; each makes one picture unless ``batch_size`` says otherwise.
        walks: how many there will be.
        moment: the step itself: its number, its figures, and the estimate to preview.
    """

    walk: int
    walks: int
    moment: Moment

    @property
    def fraction(self) -> float:
        """How much of all the work is done, in (0, 1]."""
        return (self.walk + (self.moment.step.index + 1) / self.moment.steps) / self.walks


Callback = Callable[[Progress], None]
"""Called after each step; may raise ``Cancelled``."""


def watch(callback: Callback | None, walk: int, walks: int) -> Watch:
    """The watcher of one walk that tells a callback where it stands in all of them."""
    if callback is None:
        return silent
    return lambda moment: callback(Progress(walk, walks, moment))
