"""Descriptors of modalities and families, light enough to be read without importing torch.

Every folder under ``misen.modalities`` holds ``signal.py``, ``encoder.py``, ``energy.py`` and ``judge.py``; its
``__init__`` exports one :class:`Modality`. Names come from here: command-line options, exported classes and schemas.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from misen.core.errors import NotFoundError, closest


@dataclass(frozen=True)
class Modality:
    """One kind of guidance.

    Attributes:
        name: the word for it everywhere, e.g. "sketch".
        package: dotted path of its folder.
        signal_class: name of the class in ``signal.py``, also exported by ``misen``.
        metavar: what its command-line option takes, e.g. "FILE".
        summary: one sentence; the option's help, the schema's description and the tooltip.
        repeatable: whether several at once make sense.
        moving: whether it tells how pictures change in time: it is observed of clips and judged in clips, and a single
            picture shows one moment of it.
    """

    name: str
    package: str
    signal_class: str
    metavar: str
    summary: str
    repeatable: bool = True
    moving: bool = False

    def part(self, module: str) -> Any:
        """A module of the folder: ``signal``, ``encoder``, ``energy`` or ``judge``."""
        return importlib.import_module(f"{self.package}.{module}")

    @property
    def signal(self) -> Any:
        """The signal class."""
        return getattr(self.part("signal"), self.signal_class)


@dataclass(frozen=True)
class Family:
    """One kind of generator.

    Attributes:
        name: the word for it everywhere, e.g. "diffusion".
        package: dotted path of its folder.
        summary: one sentence.
        default_model: name of the shipped model that ``--model <family>`` means.
    """

    name: str
    package: str
    summary: str
    default_model: str


def discover(package: str, attribute: str) -> Iterator[Any]:
    """The descriptor called ``attribute`` of every folder directly under ``package``, in alphabetical order."""
    root = importlib.import_module(package)
    for entry in sorted(pkgutil.iter_modules(root.__path__), key=lambda entry: entry.name):
        module = importlib.import_module(f"{package}.{entry.name}")
        if hasattr(module, attribute):
            yield getattr(module, attribute)


@cache
def modalities() -> Mapping[str, Modality]:
    """Every modality by name."""
    return {modality.name: modality for modality in discover("misen.modalities", "MODALITY")}


@cache
def stills() -> Mapping[str, Modality]:
    """Every modality that a single picture can show, by name."""
    return {name: modality for name, modality in modalities().items() if not modality.moving}


@cache
def moving() -> Mapping[str, Modality]:
    """Every modality that tells how pictures change in time, by name."""
    return {name: modality for name, modality in modalities().items() if modality.moving}


@cache
def families() -> Mapping[str, Family]:
    """Every family by name."""
    return {family.name: family for family in discover("misen.generators", "FAMILY")}


def lookup(kind: str, name: str, known: Iterable[str]) -> str:
    """``name`` if it is among ``known``; raises ``NotFoundError`` with the closest names otherwise."""
    names = list(known)
    if name not in names:
        raise NotFoundError(f"there is no {kind} called {name!r}", field=kind, hint=closest(name, names))
    return name
