"""SDEdit: begin from the picture with noise on it, and walk on from there.

Source: Meng et al. 2021, SDEdit (arXiv:2108.01073), algorithm 1; deviation: any sampler takes the place of the SDE's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from misen.editing.methods.method import Method


@dataclass(frozen=True)
class SDEdit(Method):
    """Keeps what the strength leaves recognisable under the noise; begins as any method does."""

    name: ClassVar[str] = "sdedit"
    usual_strength: ClassVar[float] = 0.6
