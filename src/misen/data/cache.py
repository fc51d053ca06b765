"""The world rendered once into memory-mapped arrays, built in chunks that survive interruption.

A cache is a folder with one ``.npy`` file per field and a ``manifest.json``, which is written last: a folder without
one is unfinished, and building it again does only what is missing.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from misen.core.errors import ConfigError, NotFoundError, StorageError
from misen.core.files import replace_file
from misen.data.order import Order
from misen.data.world import EPOCH, tell_truth
from misen.scene import sampling
from misen.scene.anatomy import EXPRESSION_AXES, IDENTITY_AXES, LANDMARKS
from misen.scene.attributes import ATTRIBUTES
from misen.scene.observation import Observation
from misen.scene.record import Record
from misen.scene.sampling import sample
from misen.scene.truth import Truth

CHUNK = 200
"""Records per chunk."""

Array = npt.NDArray[Any]
Shapes = Mapping[str, tuple[tuple[int, ...], str]]
"""Shape (without the batch axis) and type of every stored field; "seed" is one of them."""


@dataclass(frozen=True)
class Contents:
    """What a cache keeps of each record.

    Attributes:
        shapes: of the fields at a size in pixels.
        tell: the fields (B, ...) of B records at a size in pixels.
    """

    shapes: Callable[[int], Shapes]
    tell: Callable[[Record, int], Mapping[str, Tensor]]


@dataclass(frozen=True)
class Manifest:
    """What a cache holds.

    Attributes:
        split: name of the split.
        count: records.
        size: height and width in pixels.
        first: the first record's seed.
        last: the last record's seed.
        code: SHA-256 of the world's source.
    """

    split: str
    count: int
    size: int
    first: int
    last: int
    code: str


def world_code() -> str:
    """SHA-256 of the modules that decide what a record looks like."""
    total = hashlib.sha256()
    for path in sorted(Path(sampling.__file__).parent.glob("*.py")):
        total.update(path.read_bytes())
    return total.hexdigest()


def shapes(size: int) -> Shapes:
    """What is stored of a truth."""
    picture, plane = (3, size, size), (1, size, size)
    return {
        "image": (picture, "u1"),
        "exemplar": (picture, "u1"),
        "alpha": (plane, "u1"),
        "depth": (plane, "u1"),
        "sketch": (plane, "u1"),
        "segmentation": ((size, size), "u1"),
        "landmarks": ((len(LANDMARKS), 2), "f4"),
        "landmarks_visible": ((len(LANDMARKS),), "?"),
        "attributes_visible": ((len(ATTRIBUTES),), "?"),
        "seed": ((), "i8"),
        "identity": ((len(IDENTITY_AXES),), "f4"),
        "expression": ((len(EXPRESSION_AXES),), "f4"),
        "attributes": ((len(ATTRIBUTES),), "u1"),
        "camera": ((5,), "f4"),
        "light": ((4,), "f4"),
        "detail": ((8,), "f4"),
    }


def encode(truth: Truth) -> dict[str, Tensor]:
    """A truth as stored: pictures and fractions as bytes."""
    observation, record = truth.observation, truth.record
    return {
        "image": _to_byte((observation.image + 1) / 2),
        "exemplar": _to_byte((truth.exemplar + 1) / 2),
        "alpha": _to_byte(observation.alpha),
        "depth": _to_byte(observation.depth),
        "sketch": _to_byte(truth.sketch),
        "segmentation": observation.segmentation,
        "landmarks": observation.landmarks,
        "landmarks_visible": observation.landmarks_visible,
        "attributes_visible": observation.attributes_visible,
        **{field.name: getattr(record, field.name) for field in fields(Record)},
        "attributes": record.attributes.to(torch.uint8),
    }


def decode(stored: Mapping[str, Tensor]) -> Truth:
    """The truth that ``encode`` stored; normals, surface and part come back empty."""
    values = {field.name: stored[field.name] for field in fields(Record)}
    nothing = stored["image"].new_zeros(len(stored["image"]), 0)
    observation = Observation(
        image=stored["image"].float() / 127.5 - 1,
        alpha=stored["alpha"].float() / 255,
        segmentation=stored["segmentation"],
        depth=stored["depth"].float() / 255,
        normals=nothing.float(),
        surface=nothing.float(),
        part=nothing,
        landmarks=stored["landmarks"],
        landmarks_visible=stored["landmarks_visible"],
        attributes_visible=stored["attributes_visible"],
    )
    record = Record(**{**values, "attributes": stored["attributes"].long()})
    return Truth(record, observation, stored["sketch"].float() / 255, stored["exemplar"].float() / 127.5 - 1)


def _to_byte(fraction: Tensor) -> Tensor:
    return (fraction * 255 + 0.5).clamp(0, 255).to(torch.uint8)


def _everything(record: Record, size: int) -> dict[str, Tensor]:
    return encode(tell_truth(record, size))


TRUTHS = Contents(shapes, _everything)
"""Everything that a modality can observe."""


def build(
    folder: Path,
    split: str,
    seeds: Tensor,
    *,
    contents: Contents = TRUTHS,
    size: int = 64,
    workers: int = 2,
    chunk: int = CHUNK,
) -> Iterator[int]:
    """Render the records of ``seeds`` into ``folder``; yields how many records are done, as chunks are finished.

    Args:
        folder: the cache; made if absent, completed if unfinished.
        split: name of the split, for the manifest.
        seeds: (N,) int64.
        contents: what is kept of each record.
        size: pixels.
        workers: processes, with one thread each.
        chunk: records that an interruption can lose; the same each time.

    Raises:
        StorageError: the folder holds another cache.
    """
    manifest = Manifest(split, len(seeds), size, int(seeds[0]), int(seeds[-1]), world_code())
    _claim(folder, manifest, seeds, contents.shapes(size))
    if (folder / "manifest.json").exists():
        return
    chunks = range(0, len(seeds), chunk)
    unfinished = [start for start in chunks if not _done(folder, start).exists()]
    missing = [(folder, start, start + chunk, size, contents.tell) for start in unfinished]
    finished = len(chunks) - len(missing)
    context = multiprocessing.get_context("spawn")
    with context.Pool(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        for _ in pool.imap_unordered(_render, missing):
            finished += 1
            yield min(len(seeds), finished * chunk)
    (folder / "plan.json").replace(folder / "manifest.json")
    for start in chunks:
        _done(folder, start).unlink(missing_ok=True)


def _claim(folder: Path, manifest: Manifest, seeds: Tensor, layout: Shapes) -> None:
    """Lay out the arrays, or recognise one's own unfinished or finished cache."""
    folder.mkdir(parents=True, exist_ok=True)
    plan = json.dumps(asdict(manifest), indent=1)
    found = [path.read_text() for path in (folder / "plan.json", folder / "manifest.json") if path.exists()]
    if found and found[0] != plan:
        raise StorageError(f"{folder} holds another cache: {found[0]}", field=str(folder), hint="choose another folder")
    if found:
        return
    for name, (shape, kind) in layout.items():
        np.lib.format.open_memmap(folder / f"{name}.npy", "w+", kind, (manifest.count, *shape))
    np.save(folder / "seed.npy", seeds.numpy())
    replace_file(folder / "plan.json", plan.encode())


def _done(folder: Path, start: int) -> Path:
    return folder / f"chunk-{start:09d}.done"


@torch.inference_mode()
def _render(task: tuple[Path, int, int, int, Callable[[Record, int], Mapping[str, Tensor]]]) -> None:
    folder, start, stop, size, tell = task
    seeds = torch.from_numpy(np.array(np.load(folder / "seed.npy", mmap_mode="r")[start:stop]))
    for name, tensor in tell(sample(seeds), size).items():
        array = np.load(folder / f"{name}.npy", mmap_mode="r+")
        array[start : start + len(seeds)] = tensor.numpy()
        array.flush()
    _done(folder, start).touch()


class Cache:
    """A finished cache.

    Raises:
        NotFoundError: the folder holds no cache.
        ConfigError: the cache is unfinished, or keeps something else of its records.
    """

    contents: ClassVar[Contents]
    """What it keeps of each record."""

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        self.manifest = self._read_manifest()
        self._arrays = self._open()

    def __len__(self) -> int:
        return self.manifest.count

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the manifest."""
        return hashlib.sha256((self.folder / "manifest.json").read_bytes()).hexdigest()

    def rows(self, indices: Tensor | slice) -> dict[str, Tensor]:
        """The stored fields of some records."""
        return {name: self.field(name, indices) for name in self._arrays}

    def field(self, name: str, indices: Tensor | slice) -> Tensor:
        """One stored field of some records."""
        where = indices if isinstance(indices, slice) else indices.numpy()
        return torch.from_numpy(np.array(self._arrays[name][where]))

    def _open(self) -> dict[str, Array]:
        paths = {name: self.folder / f"{name}.npy" for name in self.contents.shapes(self.manifest.size)}
        if missing := [path.name for path in paths.values() if not path.exists()]:
            raise ConfigError(
                f"the cache {self.folder} lacks {', '.join(missing)}",
                field="data",
                hint="it keeps something else of its records; build one of this kind",
            )
        return {name: np.load(path, mmap_mode="r") for name, path in paths.items()}

    def _read_manifest(self) -> Manifest:
        path = self.folder / "manifest.json"
        if not path.exists() and (self.folder / "plan.json").exists():
            raise ConfigError(f"the cache {self.folder} is unfinished", field="data", hint="build it to its end first")
        if not path.exists():
            raise NotFoundError(f"there is no world cache at {self.folder}", field="data")
        return Manifest(**json.loads(path.read_text()))


class CachedWorld(Cache):
    """A finished cache of truths."""

    contents = TRUTHS

    def truth(self, indices: Tensor | slice) -> Truth:
        """The truth of some records; normals, surface and part are empty."""
        return decode(self.rows(indices))

    def batches(self, batch_size: int, seed: int) -> CachedBatches:
        """Shuffled batches."""
        return CachedBatches(self, Order(len(self), batch_size, seed))


class CachedBatches:
    """Batches of a cached world as a function of the step."""

    def __init__(self, world: CachedWorld, order: Order) -> None:
        self._world, self._order = world, order

    @property
    def fingerprint(self) -> str:
        """The cache's."""
        return self._world.fingerprint

    def __call__(self, step: int) -> Mapping[str, Any]:
        """``truth`` of the step's records and ``seeds`` (B,) int64 for what is told of them, new in every epoch."""
        indices, epoch = self._order(step)
        truth = self._world.truth(indices)
        return {"truth": truth, "seeds": truth.record.seed + epoch * EPOCH}
