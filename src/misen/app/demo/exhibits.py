"""What the gallery shows: pictures described in files, and wishes from the test range of the world."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image
from pydantic import BaseModel, ConfigDict

from misen.app.catalog import catalog
from misen.core.guidance import Guidance, Route
from misen.core.registry import Modality, lookup, modalities, stills
from misen.core.signal import Signal
from misen.data.world import tell_truth
from misen.editing.methods import AUTO
from misen.media.picture import on_paper, open_picture
from misen.scene.splits import TEST

PACKAGE = Path(__file__).parents[2]
HOMES = (PACKAGE / "examples", PACKAGE.parents[1] / "examples")
"""Where the inputs lie: inside an installed package, or beside the sources."""
SHARED_DATA = "MISEN_SHARED_DATA"
"""Environment variable: a folder of real pictures; ``../shared/data`` beside the sources if unset."""
QUICK, FULL = "gallery.toml", "gallery-full.toml"
"""Descriptions: what is quickly made, and what the full gallery shows besides."""
FIRST_WISH = 100
"""Element of the test range from which wishes are taken."""
FACING = 0.9
"""Largest yaw, in radians, of avatars whose wishes are shown."""


@dataclass(frozen=True)
class Exhibit:
    """One picture to make.

    Attributes:
        section: heading it stands under.
        caption: what is special about it, or "".
        guidances: the wishes.
        seed: of the picture.
        avoid: words to push away, or "".
        image: picture to begin from.
        mask: what of it may change, white = repaint.
        edit: strength of the edit; None for the model's default.
        method: of changing the picture.
        model: which makes it; "" for the gallery's.
        best_of: candidates that are made, of which one is shown.
    """

    section: str
    caption: str
    guidances: tuple[Guidance, ...]
    seed: int
    avoid: str = ""
    image: Image.Image | None = None
    mask: Image.Image | None = None
    edit: float | None = None
    method: str = AUTO
    model: str = ""
    best_of: int = 1

    def settings(self) -> dict[str, Any]:
        """Arguments of ``Model.synthesize``."""
        return {
            "seed": self.seed,
            "negative_prompt": self.avoid,
            "image": self.image,
            "mask": self.mask,
            "strength": self.edit,
            "method": self.method,
            "best_of": self.best_of,
        }


class Entry(BaseModel):
    """One ``[[picture]]`` of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    section: str
    seed: int
    guide: dict[str, str | dict[str, Any]] = {}
    strength: dict[str, float] = {}
    route: Route = "native"
    caption: str = ""
    avoid: str = ""
    image: str = ""
    shared: str = ""
    crop: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)
    mask: str = ""
    edit: float | None = None
    method: str = AUTO
    model: str = ""
    best_of: int = 1

    def exhibit(self, folder: Path) -> Exhibit:
        """What the entry describes; its files lie in ``folder``."""
        return Exhibit(
            section=self.section,
            caption=self.caption,
            guidances=tuple(self._guidance(name, wish, folder) for name, wish in self.guide.items()),
            seed=self.seed,
            avoid=self.avoid,
            image=self._image(folder),
            mask=open_picture(folder / self.mask) if self.mask else None,
            edit=self.edit,
            method=self.method,
            model=self.model,
            best_of=self.best_of,
        )

    def _guidance(self, name: str, wish: str | Mapping[str, Any], folder: Path) -> Guidance:
        return Guidance(signal=_signal(name, wish, folder), strength=self.strength.get(name, 1.0), route=self.route)

    def _image(self, folder: Path) -> Image.Image | None:
        path = shared_data() / self.shared if self.shared else folder / self.image
        if not (self.shared or self.image):
            return None
        picture = on_paper(open_picture(path))
        corners = zip(self.crop, picture.size * 2, strict=True)
        return picture.crop(tuple(round(share * side) for share, side in corners))  # type: ignore[arg-type]  # four


def _signal(name: str, wish: str | Mapping[str, Any], folder: Path) -> Signal:
    """A signal from its JSON, from words, or from the file they name."""
    modality = modalities()[lookup("modality", name, modalities())]
    if isinstance(wish, Mapping):
        signal: Signal = modality.signal.from_json([wish])
    else:
        signal = modality.signal.parse(str(folder / wish) if modality.metavar == "FILE" else wish)
    return signal


def shared_data() -> Path:
    """The folder of real pictures, which need not exist."""
    return Path(os.environ.get(SHARED_DATA, PACKAGE.parents[2] / "shared" / "data"))


def described(home: Path, file: str = QUICK) -> Iterator[Exhibit]:
    """The pictures of a file, but for those that begin from real data which is not here."""
    for row in tomllib.loads((home / file).read_text("utf-8"))["picture"]:
        entry = Entry(**row)
        if not entry.shared or (shared_data() / entry.shared).is_file():
            yield entry.exhibit(home)


def followed() -> dict[str, Modality]:
    """The modalities that some model that ships was trained on, so that its pictures follow them without an energy."""
    native = {name for card in catalog() for name in card.native}
    return {name: modality for name, modality in stills().items() if name in native}


def observed(section: str = "Wishes from the test range of the world") -> Iterator[Exhibit]:
    """One wish of each modality that some model was trained on, of avatars that nobody trained on."""
    wanted = followed()
    records = TEST.records(FIRST_WISH, 8 * len(wanted))
    facing = (records.camera[:, 0].abs() < FACING).nonzero()[: len(wanted), 0]
    truth = tell_truth(records[facing])
    for index, (name, modality) in enumerate(wanted.items()):
        one = truth[index : index + 1]
        signal: Signal = modality.signal.observe(one, one.record.seed)
        yield Exhibit(section, name, (Guidance(signal=signal, route="native"),), int(one.record.seed[0]))
