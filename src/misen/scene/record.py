"""The frozen, batched record from which every view of an avatar is derived."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from misen.scene.attributes import ATTRIBUTES, COLUMN


@dataclass(frozen=True)
class Record:
    """B avatars, described by parameters alone; nothing here has been rendered.

    Attributes:
        seed: (B,) int64, the seed each avatar was sampled from.
        identity: (B, 20) float32 coefficients along ``anatomy.IDENTITY_AXES``.
        expression: (B, 12) float32 coefficients along ``anatomy.EXPRESSION_AXES``.
        attributes: (B, 16) int64 value index per column of ``attributes.ATTRIBUTES``.
        camera: (B, 5) float32 yaw, pitch, roll in radians (positive yaw turns the face to the right of the
            picture, positive pitch looks up, positive roll tilts clockwise), distance in head radii, and
            focal length in picture widths.
        light: (B, 4) float32 unit direction towards the key light in camera space (x right, y up, z to the
            viewer) and its intensity, about 0.7 to 1.3.
        detail: (B, 8) float32 uniform in [0, 1): free variation inside a value (exact shade, gradient angle,
            hair parting, curl phase), so that no two avatars of one description are alike.
    """

    seed: Int64[Tensor, " batch"]
    identity: Float[Tensor, "batch 20"]
    expression: Float[Tensor, "batch 12"]
    attributes: Int64[Tensor, "batch 16"]
    camera: Float[Tensor, "batch 5"]
    light: Float[Tensor, "batch 4"]
    detail: Float[Tensor, "batch 8"]

    def __len__(self) -> int:
        return int(self.seed.shape[0])

    def __getitem__(self, index: int | slice | Tensor) -> Record:
        """A sub-batch; an ``int`` keeps the batch axis (length one)."""
        where = slice(index, index + 1 if index != -1 else None) if isinstance(index, int) else index
        return Record(**{field.name: getattr(self, field.name)[where] for field in fields(self)})

    def to(self, device: torch.device | str) -> Record:
        """The same record with its tensors on ``device``."""
        return Record(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})

    def with_attribute(self, key: str, value: str) -> Record:
        """A copy in which every avatar has ``value`` for ``key``; nothing else changes."""
        attributes = self.attributes.clone()
        column = COLUMN[key]
        attributes[:, column] = ATTRIBUTES[column].index(value)
        return replace(self, attributes=attributes)

    def value(self, key: str, item: int) -> str:
        """The value, as a word, of attribute ``key`` of avatar ``item``."""
        column = COLUMN[key]
        return ATTRIBUTES[column].values[int(self.attributes[item, column])]

    @staticmethod
    def cat(records: list[Record]) -> Record:
        """One batch from several."""
        names = [field.name for field in fields(Record)]
        return Record(**{name: torch.cat([getattr(record, name) for record in records]) for name in names})
