"""What a run tells: reports along the way and its outcome at the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True)
class Report:
    """The state of a run after a step.

    Attributes:
        step: steps done.
        samples: samples seen.
        minutes: wall-clock minutes of training, over all continuations.
        lr: learning rate of the last step.
        figures: means since the last report, by name: ``<player>.loss``, ``<player>.gradient``, the player's own
            figures as ``<player>.<name>``; or the figures of an evaluation.
        samples_per_second: speed since the last report; 0 for the report of an evaluation.
    """

    step: int
    samples: int
    minutes: float
    lr: float
    figures: Mapping[str, float]
    samples_per_second: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """One flat JSON object."""
        speed = {"samples_per_second": round(self.samples_per_second, 2)} if self.samples_per_second else {}
        head = {"step": self.step, "samples": self.samples, "minutes": round(self.minutes, 3), "lr": self.lr}
        return {**head, **speed, **self.figures}


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        step: steps done.
        samples: samples seen.
        minutes: wall-clock minutes of training, over all continuations.
        reason: what ended it.
        checkpoint: the last checkpoint.
        figures: every figure as it was last reported.
        skipped: steps skipped because a loss or gradient was not finite.
    """

    step: int
    samples: int
    minutes: float
    reason: Literal["steps", "minutes", "interrupted"]
    checkpoint: Path
    figures: Mapping[str, float]
    skipped: int = 0
