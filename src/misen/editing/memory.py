"""Memory: what was learned of a picture, for the next edit of it that differs in what is done with that."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

Learned = TypeVar("Learned")


class Memory:
    """Keeps the last thing that one model learned; threads that share it may learn it twice, and get the same."""

    def __init__(self) -> None:
        self._last: tuple[Hashable, Any] | None = None

    def recall(self, key: Hashable, learn: Callable[[], Learned]) -> Learned:
        """What was learned last, if it was under this key; else what ``learn`` learns now."""
        last = self._last
        if last is None or last[0] != key:
            last = self._last = (key, learn())
        learned: Learned = last[1]
        return learned
