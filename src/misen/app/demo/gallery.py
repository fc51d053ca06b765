"""Makes the gallery: one picture after another, each scored by the judge, and a page that shows them."""

from __future__ import annotations

import json
import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from misen import assembly
from misen.app.demo import page
from misen.app.demo.exhibits import FULL, HOMES, Exhibit, described, observed
from misen.app.destinations import check_folder
from misen.app.model import Model, load
from misen.app.result import Result
from misen.core.errors import NotFoundError, StorageError, Unreachable
from misen.core.files import replace_file
from misen.core.guidance import Guidance
from misen.core.image import from_bytes, to_bytes
from misen.media import png

SECONDS = 150.0
"""After this long the quick gallery begins no further picture."""
PREVIEW = 192
"""Pixels of the pictures of conditions."""
INDEX, DATA = "index.html", "gallery.json"

Watch = Callable[[float, str], None]
"""Told which fraction of the gallery is done, and a few words."""


@dataclass(frozen=True)
class Score:
    """What the judge says of one wish.

    Attributes:
        modality: of the wish.
        value: in the judge's unit; None where there is nothing to judge.
        unit: "" for fractions.
        metric: what was measured.
    """

    modality: str
    value: float | None
    unit: str
    metric: str


@dataclass(frozen=True)
class Shown:
    """One picture of the gallery; files are relative to its folder.

    Attributes:
        section: heading.
        caption: the wishes in words, one a line.
        picture: file of the picture.
        previews: what was given, as (name, file).
        plan: by which route each wish acted.
        scores: one per wish.
        seed: of the picture.
        seconds: wall time of making it.
    """

    section: str
    caption: tuple[str, ...]
    picture: str
    previews: tuple[tuple[str, str], ...]
    plan: str
    scores: tuple[Score, ...]
    seed: int
    seconds: float


@dataclass(frozen=True)
class Gallery:
    """What was made.

    Attributes:
        folder: holds the page, the pictures and ``gallery.json``.
        model: name of the model.
        shown: the pictures.
        left_out: why each picture that is not there is not there.
        seconds: wall time of everything.
    """

    folder: Path
    model: str
    shown: tuple[Shown, ...]
    left_out: tuple[str, ...]
    seconds: float

    @property
    def page(self) -> Path:
        """The file to open."""
        return self.folder / INDEX

    def to_json(self) -> dict[str, Any]:
        """Everything about the pictures."""
        return {**asdict(self), "folder": str(self.folder), "page": str(self.page)}

    def rows(self) -> list[list[str]]:
        """A line per section: its name, pictures, mean scores by modality, and seconds per picture."""
        return [_row(section, shown) for section, shown in page.sections(self.shown).items()]


def make_gallery(
    folder: str | Path,
    *,
    model: str | None = None,
    size: int | None = None,
    full: bool = False,
    watch: Watch | None = None,
) -> Gallery:
    """Make the gallery.

    Args:
        folder: made with its parents; absent, empty, or holding an earlier gallery, which is replaced.
        model: a shipped one, a family or a folder.
        size: height and width of the pictures, in pixels; None for the largest that the model makes.
        full: whether it shows what takes longer, too: guidance by energies, and methods that learn; tens of minutes.
        watch: told how far the work is.

    Raises:
        InputError: the model makes no pictures of that size.
        NotFoundError: the model is not here.
        StorageError: the folder holds something else, or cannot be written to.
    """
    began, folder = time.perf_counter(), Path(folder)
    _prepare(folder)
    limit = math.inf if full else SECONDS
    maker = _Maker(load(model), size, folder, watch or (lambda fraction, words: None), began, limit)
    home = next(home for home in HOMES if home.is_dir())
    maker.make(chain(described(home), observed(), described(home, FULL) if full else ()))
    gallery = Gallery(
        folder, maker.model.name, tuple(maker.shown), tuple(dict.fromkeys(maker.left_out)), time.perf_counter() - began
    )
    replace_file(folder / DATA, json.dumps(gallery.to_json(), ensure_ascii=False, indent=1).encode())
    replace_file(gallery.page, page.render(gallery).encode())
    return gallery


def _prepare(folder: Path) -> None:
    if folder.is_dir() and any(folder.iterdir()) and not (folder / DATA).exists():
        hint = "choose an empty one, or one that holds an earlier gallery"
        raise StorageError(f"the folder {str(folder)!r} holds something else", field="out", hint=hint)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{str(folder)!r} cannot be made: {error.strerror}", field="out") from None
    check_folder(folder)


class _Maker:
    """Makes exhibits one after another and remembers what became of them."""

    def __init__(self, model: Model, size: int | None, folder: Path, watch: Watch, began: float, limit: float) -> None:
        self.model, self.size, self.folder = model, size, folder
        self.watch, self.began, self.limit = watch, began, limit
        self.models = {"": model}
        self.shown: list[Shown] = []
        self.left_out: list[str] = []

    def make(self, exhibits: Iterable[Exhibit]) -> None:
        """All exhibits that the model follows and the time allows, a picture of every section before the second."""
        listed = list(exhibits)
        for done, index in enumerate(_fairly(listed)):
            exhibit = listed[index]
            self.watch(done / len(listed), f"{exhibit.section}, {time.perf_counter() - self.began:.0f} s")
            if time.perf_counter() - self.began > self.limit:
                self.left_out.append(f"{exhibit.section}: {self.limit:.0f} seconds were over")
                continue
            try:
                self.shown.append(self._show(exhibit, f"{index:02d}"))
            except (Unreachable, NotFoundError) as refusal:
                self.left_out.append(f"{exhibit.section}: {refusal.message}")
        self.shown.sort(key=lambda one: one.picture)

    def _show(self, exhibit: Exhibit, name: str) -> Shown:
        model = self._model(exhibit.model)
        size, began = self.size or model.largest, time.perf_counter()
        result = model.synthesize(*exhibit.guidances, **exhibit.settings(), height=size, width=size)
        seconds = time.perf_counter() - began
        result.images[0].save(self.folder / f"{name}.png", overwrite=True)
        return Shown(
            section=exhibit.section,
            caption=tuple(_captions(exhibit)),
            picture=f"{name}.png",
            previews=tuple(self._previews(exhibit, name)),
            plan=result.plan.explain(),
            scores=tuple(_scores(exhibit.guidances, result)),
            seed=exhibit.seed,
            seconds=seconds,
        )

    def _model(self, name: str) -> Model:
        if name not in self.models:
            self.models[name] = load(name)
        return self.models[name]

    def _previews(self, exhibit: Exhibit, name: str) -> Iterator[tuple[str, str]]:
        """Pictures of what was given."""
        for wish in exhibit.guidances:
            if (preview := wish.signal.preview(PREVIEW)) is not None:
                yield wish.modality, self._save(preview, f"{name}-{wish.modality}.png")
        for kind, given in (("image", exhibit.image), ("mask", exhibit.mask)):
            if given is not None:
                small = given.convert("RGB").resize((PREVIEW, PREVIEW))
                yield kind, self._save(from_bytes(torch.from_numpy(np.array(small))[None]), f"{name}-{kind}.png")

    def _save(self, preview: Tensor, file: str) -> str:
        replace_file(self.folder / file, png.encode(to_bytes(preview)[0].numpy()))
        return file


def _fairly(exhibits: Sequence[Exhibit]) -> list[int]:
    """Indices in an order in which every section has its k-th picture before any has its next."""
    counts: Counter[str] = Counter()
    ranks = []
    for exhibit in exhibits:
        ranks.append(counts[exhibit.section])
        counts[exhibit.section] += 1
    return sorted(range(len(exhibits)), key=ranks.__getitem__)


def _captions(exhibit: Exhibit) -> Iterator[str]:
    if exhibit.caption:
        yield exhibit.caption
    yield from (text for wish in exhibit.guidances for text in wish.signal.describe())
    if exhibit.avoid:
        yield f"not: {exhibit.avoid}"
    if exhibit.best_of > 1:
        yield f"the best of {exhibit.best_of} candidates"


def _scores(guidances: Iterable[Guidance], result: Result) -> Iterator[Score]:
    """What the judge says of each wish; where no judge is installed, why it says nothing."""
    picture = result.images[0].tensor[None]
    for wish in guidances:
        try:
            judge = assembly.judges()[wish.modality]
        except NotFoundError as missing:
            yield Score(wish.modality, None, "", missing.message)
            continue
        value = float(judge.score(picture, wish.signal)[0])
        yield Score(wish.modality, value if math.isfinite(value) else None, judge.unit, judge.metric)


def _row(section: str, shown: Sequence[Shown]) -> list[str]:
    values: dict[str, list[float]] = {}
    for score in chain.from_iterable(one.scores for one in shown):
        if score.value is not None:
            values.setdefault(f"{score.modality} {{:.2f}} {score.unit}".strip(), []).append(score.value)
    means = ", ".join(label.format(sum(found) / len(found)) for label, found in values.items())
    return [section, str(len(shown)), means, f"{sum(one.seconds for one in shown) / len(shown):.1f}"]
