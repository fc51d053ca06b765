"""The ``[data]`` table of a run on one's own pictures."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from misen.core.errors import ConfigError
from misen.data.samples import Samples
from misen.data.shards import unpack


@dataclass(frozen=True)
class PictureData:
    """A picture folder, or shards.

    Attributes:
        folder: in the convention of ``imagefolder``.
        shards: WebDataset tar files instead of a folder.
        columns: the column of the metadata that holds each modality's signal, by modality.
        split: keep only this value of the column ``split``; "" keeps all.
        skip_bad: leave bad rows out, with a warning that names them, instead of refusing to start.
    """

    folder: str = ""
    shards: list[str] = field(default_factory=list)
    columns: dict[str, str] = field(default_factory=dict)
    split: str = ""
    skip_bad: bool = False

    def read(self, size: int, run: Path) -> Samples:
        """Every sample at ``size`` pixels; shards are unpacked below ``run``, the folder of the run.

        Raises:
            ConfigError: neither folder nor shards are given, or both.
            MisenError: whatever ``Samples.read`` and ``unpack`` raise.
        """
        if bool(self.folder) == bool(self.shards):
            raise ConfigError("data needs either folder or shards", field="data")
        folder = Path(self.folder) if self.folder else run / "unpacked"
        if self.shards:
            unpack([Path(shard) for shard in self.shards], folder)
        return Samples.read(folder, size, self.columns, split=self.split, skip_bad=self.skip_bad)
