"""Rows: long measurements item by item, by several processes at once, in a journal from which they can go on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch.utils.data import DataLoader, Dataset

from misen.core.errors import FormatError, InputError, MisenError, StorageError

Row = Mapping[str, Any]
"""What is measured of one item, as JSON values."""
Measure = Callable[[int], Row]
"""Measures the item of a number."""
Watch = Callable[[int], None]
"""Told how many items are done; may raise ``Cancelled``."""
ABOUT, ITEM, ROW = "about", "item", "row"


def unwatched(done: int) -> None:
    """Nobody waits."""


@dataclass(frozen=True)
class Work:
    """How a long measurement is done.

    Attributes:
        workers: processes of one thread each, among which the items are shared; 0 measures in this process.
        journal: a file of JSON lines that gets each row as soon as there is one, and whose rows are not measured again;
            none is kept if left out.
    """

    workers: int = 0
    journal: Path | None = None

    def rows(self, measure: Measure, count: int, about: Mapping[str, Any], watch: Watch = unwatched) -> Sequence[Row]:
        """The rows of items 0 to ``count - 1``.

        Args:
            measure: depends on nothing but the number and ``about``.
            count: of items.
            about: what decides the rows, as JSON values; a journal of anything else is refused.
            watch: told after each item.

        Raises:
            InputError: the journal is about something else.
            FormatError: it is no journal.
            StorageError: it cannot be read or written.
            MisenError: whatever ``measure`` raises.
        """
        known = dict(self._known(about))
        rest = [item for item in range(count) if item not in known]
        watch(done := count - len(rest))
        for item, row in _measured(measure, rest, self.workers):
            known[item] = row
            self._write({ITEM: item, ROW: row})
            watch(done := done + 1)
        return [known[item] for item in range(count)]

    def _known(self, about: Mapping[str, Any]) -> Iterator[tuple[int, Row]]:
        """The rows of the journal, which is begun if there is none."""
        if self.journal is None:
            return
        about = json.loads(json.dumps(about))
        head, *lines = list(_lines(self.journal)) or [{ABOUT: about}]
        if ABOUT not in head or any({ITEM, ROW} != set(line) for line in lines):
            raise _foreign(self.journal)
        _require_same(self.journal, head[ABOUT], about)
        if not lines:
            self._write(head, mode="wb")
        yield from ((line[ITEM], line[ROW]) for line in lines)

    def _write(self, line: Mapping[str, Any], mode: str = "ab+") -> None:
        """Add a line, in place of a last one that was cut short."""
        if self.journal is None:
            return
        try:
            with self.journal.open(mode) as file:
                if "+" in mode:
                    file.seek(0)
                    file.truncate(file.read().rfind(b"\n") + 1)
                file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
        except OSError as error:
            raise _unusable(self.journal, error) from None


ALONE = Work()
"""In this process, and kept nowhere."""


class _Items(Dataset[tuple[int, "Row | MisenError"]]):
    """Items to be measured; what a caller can cause is handed over, since errors lose their parts between processes."""

    def __init__(self, measure: Measure, items: Sequence[int]) -> None:
        self.measure, self.items = measure, items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> tuple[int, Row | MisenError]:
        try:
            return self.items[index], self.measure(self.items[index])
        except MisenError as error:
            return self.items[index], error


def _measured(measure: Measure, items: Sequence[int], workers: int) -> Iterator[tuple[int, Row]]:
    """Items with their rows, as they come; processes inherit what is loaded already."""
    if not workers:
        yield from ((item, measure(item)) for item in items)
        return
    loader = DataLoader(
        _Items(measure, items),
        batch_size=None,
        num_workers=workers,
        collate_fn=_as_it_is,
        prefetch_factor=1,
        in_order=False,
        multiprocessing_context="fork",
    )
    for item, found in loader:
        if isinstance(found, MisenError):
            raise found
        yield item, found


def _as_it_is(found: Any) -> Any:
    return found


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    """The whole lines of a file; none if there is no file."""
    try:
        lines = path.read_text("utf-8").splitlines(keepends=True) if path.exists() else []
        yield from (dict(json.loads(line)) for line in lines[:1] + [one for one in lines[1:] if one.endswith("\n")])
    except OSError as error:
        raise _unusable(path, error) from None
    except (ValueError, TypeError):
        raise _foreign(path) from None


def _require_same(path: Path, there: Mapping[str, Any], here: Mapping[str, Any]) -> None:
    other = sorted(name for name in {*there, *here} if there.get(name) != here.get(name))
    if other:
        names = ", ".join(f"{name} {there.get(name)!r}, not {here.get(name)!r}" for name in other)
        hint = "name another file, or ask for the same again"
        raise InputError(f"{path.name} is the journal of another measurement: {names}", field="journal", hint=hint)


def _foreign(path: Path) -> FormatError:
    return FormatError(f"{path.name} is no journal of a measurement", field="journal", hint="name another file")


def _unusable(path: Path, error: OSError) -> StorageError:
    hint = "name a file in a folder that exists and is writable"
    return StorageError(f"{str(path)!r} cannot be used as a journal: {error.strerror}", field="journal", hint=hint)
