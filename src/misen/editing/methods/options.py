"""What an option of a method accepts, as numbers or as the text of a command line."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from misen.core.errors import brief

Value = int | float | str
"""What an option may be."""


class Accepts(Protocol):
    """Stands in the annotation of an option: ``Annotated[float, Fraction()]``."""

    def read(self, given: object) -> Value:
        """The value meant; raises ``ValueError`` with the end of a sentence that begins "... must be"."""
        ...


@runtime_checkable
class Abbreviates(Protocol):
    """Capability of what an option accepts: tells its value to a person in few letters."""

    def abbreviate(self, value: str) -> str:
        """What the value is, recognizably."""
        ...


@dataclass(frozen=True)
class OneOf:
    """One of some values."""

    values: tuple[Value, ...]

    def read(self, given: object) -> Value:
        """The value that is written like ``given``."""
        for value in self.values:
            if str(given) == str(value):
                return value
        raise ValueError(f"one of {', '.join(map(str, self.values))}, got {brief(given)}")


@dataclass(frozen=True)
class Fraction:
    """A number above 0 and up to 1."""

    def read(self, given: object) -> float:
        """The number, from a number or its digits."""
        number = _number(given)
        if not 0 < number <= 1:
            raise ValueError(f"a number above 0 and up to 1, got {brief(given)}")
        return number


@dataclass(frozen=True)
class Between:
    """A number from one to another, both included."""

    low: float
    high: float

    def read(self, given: object) -> float:
        """The number, from a number or its digits."""
        number = _number(given)
        if not self.low <= number <= self.high:
            raise ValueError(f"a number from {self.low:g} to {self.high:g}, got {brief(given)}")
        return number


@dataclass(frozen=True)
class Whole:
    """A whole number from one to another, both included."""

    low: int
    high: int

    def read(self, given: object) -> int:
        """The number, from a number or its digits."""
        number = _number(given)
        if not (self.low <= number <= self.high and number.is_integer()):
            raise ValueError(f"a whole number from {self.low} to {self.high}, got {brief(given)}")
        return int(number)


def _number(given: object) -> float:
    """``given`` as a float; NaN for what is none."""
    try:
        return math.nan if isinstance(given, bool) else float(given)  # type: ignore[arg-type]  # judged by trying
    except (TypeError, ValueError, OverflowError):
        return math.nan
