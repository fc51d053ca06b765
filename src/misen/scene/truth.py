"""Everything the world knows of a batch of avatars, from which each modality observes its signal."""

from __future__ import annotations

from dataclasses import dataclass, fields

from torch import Tensor

from misen.core.shapes import Images, Masks
from misen.scene.observation import Observation
from misen.scene.record import Record


@dataclass(frozen=True)
class Truth:
    """Aligned truth of B avatars.

    Attributes:
        record: the parameters.
        observation: the pixels; a cached truth has empty ``normals``, ``surface`` and ``part``.
        sketch: (B, 1, H, W) in [0, 1], 1 = ink.
        exemplar: (B, 3, H, W) in [-1, 1], the same identity in another pose, expression and light.
    """

    record: Record
    observation: Observation
    sketch: Masks
    exemplar: Images

    def __len__(self) -> int:
        return len(self.record)

    def __getitem__(self, index: slice | Tensor) -> Truth:
        """A sub-batch."""
        parts = {f.name: getattr(self.observation, f.name)[index] for f in fields(Observation)}
        return Truth(self.record[index], Observation(**parts), self.sketch[index], self.exemplar[index])
