"""Renders a split of the avatar world into a cache: ``python -m misen.recipes.build_cache --split train-a DIR``.

Two processes of one thread each render about 80 records per second at 64 pixels on two AVX-512 cores; a record takes 62
kB. ``--contents pairs --size 256`` keeps two renders of each avatar, of 64 and of 256 pixels, instead of everything:
about 11 records per second, 209 kB each. ``--contents speech`` keeps what the avatars say, 62 kB each, and ``--contents
clips`` a picture of each, five frames of it talking and their sound, 103 kB each. Run again after an interruption, it
does what is missing.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.progress import track

from misen.core.errors import NotFoundError, closest
from misen.data.cache import CHUNK, TRUTHS, Contents, build
from misen.data.clips import CLIPS
from misen.data.pairs import PAIRS
from misen.data.speech import SPEECH
from misen.scene.splits import SPLITS, Split

CONTENTS: Mapping[str, Contents] = {"truths": TRUTHS, "pairs": PAIRS, "speech": SPEECH, "clips": CLIPS}


def build_cache(
    folder: Path,
    split: Split,
    count: int,
    *,
    start: int = 0,
    size: int = 64,
    workers: int = 2,
    contents: Contents = TRUTHS,
) -> None:
    """Render ``count`` records of ``split`` from element ``start`` on into ``folder``."""
    seeds = split.seeds(start, count)
    progress = build(folder, split.name, seeds, contents=contents, size=size, workers=workers)
    for _ in track(progress, f"{split.name} -> {folder}", total=-(-count // CHUNK)):
        pass


def find_split(name: str) -> Split:
    """The split called ``name``; raises ``NotFoundError`` with the closest names."""
    splits = {split.name: split for split in SPLITS}
    if name not in splits:
        raise NotFoundError(f"there is no split called {name!r}", field="split", hint=closest(name, splits))
    return splits[name]


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and build."""
    parser = argparse.ArgumentParser(prog="python -m misen.recipes.build_cache", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the cache goes")
    parser.add_argument("--split", type=find_split, required=True, help="train-a, validation, test, ...")
    parser.add_argument("--count", type=int, required=True, help="records")
    parser.add_argument("--start", type=int, default=0, help="first element of the split")
    parser.add_argument("--size", type=int, default=64, help="pixels")
    parser.add_argument("--workers", type=int, default=2, help="processes of one thread each")
    parser.add_argument("--contents", choices=CONTENTS, default="truths", help="what is kept of a record")
    given = parser.parse_args(arguments)
    extent = {"start": given.start, "size": given.size, "workers": given.workers}
    build_cache(given.folder, given.split, given.count, contents=CONTENTS[given.contents], **extent)


if __name__ == "__main__":
    main()
