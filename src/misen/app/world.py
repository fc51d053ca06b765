"""Writes records of the avatar world to a folder: pictures, and the signal and preview of what they can show."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from misen.app import checks
from misen.app.destinations import check_folder, check_free
from misen.core.files import replace_file
from misen.core.image import to_bytes
from misen.core.registry import stills
from misen.core.seeding import check_seed
from misen.data.world import tell_truth
from misen.media import png
from misen.scene.renderer import render
from misen.scene.sampling import sample

BATCH = 16
SIZES = (64, 128, 256)


def render_world(
    count: int,
    folder: str | Path,
    *,
    seed: int = 0,
    size: int = 64,
    all_modalities: bool = False,
    overwrite: bool = False,
    callback: Callable[[int], None] | None = None,
) -> Path:
    """Render ``count`` avatars into an imagefolder: ``<seed>.png`` and, in ``metadata.jsonl``, one line each.

    Args:
        count: how many avatars.
        folder: made if its parent exists.
        seed: of the first avatar; the k-th uses seed + k.
        size: pixels, 64, 128 or 256.
        all_modalities: write also the signal of each modality that a picture can show into the lines, and its preview
            as ``<seed>-<modality>.png``.
        overwrite: whether an earlier ``metadata.jsonl`` there may be replaced.
        callback: called with how many avatars are done.

    Returns:
        The path of ``metadata.jsonl``, which is written last.

    Raises:
        InputError: an argument outside what is accepted.
        StorageError: the folder does not take the files.
    """
    checks.whole(count, "count", 1, checks.COUNT_LIMIT)
    checks.one_of(size, "size", SIZES)
    folder, listing = Path(folder), Path(folder) / "metadata.jsonl"
    check_folder(folder if folder.exists() else folder.parent)
    check_free(listing, overwrite=overwrite)
    folder.mkdir(exist_ok=True)
    lines: list[str] = []
    for seeds in (check_seed(seed) + torch.arange(count)).split(BATCH):
        write = _write_all if all_modalities else _write_images
        lines += [json.dumps(row, ensure_ascii=False) for row in write(seeds, folder, size)]
        if callback is not None:
            callback(len(lines))
    replace_file(listing, "".join(f"{line}\n" for line in lines).encode())
    return listing


def _write_images(seeds: Tensor, folder: Path, size: int) -> list[dict[str, Any]]:
    """Pictures alone, and their lines."""
    _save(render(sample(seeds), size), folder, seeds, "")
    return _rows(seeds)


def _write_all(seeds: Tensor, folder: Path, size: int) -> list[dict[str, Any]]:
    """Pictures and previews, and lines with every modality's signal."""
    truth = tell_truth(sample(seeds), size)
    _save(truth.observation.image, folder, seeds, "")
    rows = _rows(seeds)
    for name, modality in stills().items():
        signal = modality.signal.observe(truth, seeds)
        for row, item in zip(rows, signal.to_json(), strict=True):
            row[name] = item
        if (preview := signal.preview(size)) is not None:
            _save(preview, folder, seeds, f"-{name}")
    return rows


def _rows(seeds: Tensor) -> list[dict[str, Any]]:
    return [{"file_name": f"{seed:08d}.png", "seed": seed} for seed in seeds.tolist()]


def _save(images: Tensor, folder: Path, seeds: Tensor, suffix: str) -> None:
    for seed, pixels in zip(seeds.tolist(), to_bytes(images).numpy(), strict=True):
        replace_file(folder / f"{seed:08d}{suffix}.png", png.encode(pixels))
