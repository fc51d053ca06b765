"""The one tree of errors: every message says what was given, what is accepted and what to do.

    MisenError
    ├── InputError        a value a caller gave               exit 2
    │   ├── FormatError   a file whose content is not what it should be
    │   └── ConfigError   a training or recipe file
    ├── NotFoundError     a name that leads nowhere           exit 2
    ├── ModelFileError    weights that must not be opened     exit 3
    ├── Unreachable       guidance no route can follow        exit 4
    ├── LimitError        larger than allowed                 exit 5
    ├── StorageError      disk, folder, permission            exit 5
    ├── NotFinite         NaN or infinity while sampling   exit 5
    ├── TrainingError     a run that cannot go on             exit 5
    ├── DistributedError  ranks that disagree or died         exit 5
    └── Cancelled         stopped on request                  exit 130
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import ClassVar


class MisenError(Exception):
    """Root of all errors a caller can cause.

    Attributes:
        code: stable identifier; the HTTP problem type and, through ``exit_code``, the command's exit status.
        field: the argument, option or file concerned, or "" when there is none.
        message: what was given and what is accepted.
        hint: what to do; when left out the usual remedy for errors of this kind, if there is one.
    """

    code: ClassVar[str] = "misen"
    exit_code: ClassVar[int] = 1
    remedy: ClassVar[str] = ""

    def __init__(self, message: str, *, field: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message, self.field, self.hint = message, field, hint or self.remedy

    def __str__(self) -> str:
        return f"{self.message}. {self.hint}" if self.hint else self.message


class InputError(MisenError):
    """A value outside what is accepted."""

    code, exit_code = "input", 2


class FormatError(InputError):
    """A file or byte string whose content cannot be decoded."""

    code = "format"
    remedy = "mend the file, or make it again"


class ConfigError(InputError):
    """A configuration or recipe that cannot be used."""

    code = "config"


class NotFoundError(MisenError):
    """A model, file or name that does not exist."""

    code, exit_code = "not-found", 2
    remedy = "check the name and the folder"


class ModelFileError(MisenError):
    """A weights file that is malformed, altered, foreign or unsafe."""

    code, exit_code = "model-file", 3
    remedy = "install the model again, or train it"


class Unreachable(MisenError):
    """Guidance that no route of the model can follow; the message gives every reason."""

    code, exit_code = "unreachable", 4


class LimitError(MisenError):
    """Something larger than the documented limit."""

    code, exit_code = "limit", 5
    remedy = "make it smaller"


class StorageError(MisenError):
    """A folder or disk that cannot take the output."""

    code, exit_code = "storage", 5
    remedy = "choose a place that exists, can be used and has room"


class NotFinite(MisenError):
    """A network produced NaN or infinity, also in float32."""

    code, exit_code = "not-finite", 5


class TrainingError(MisenError):
    """A training run that cannot go on."""

    code, exit_code = "training", 5


class DistributedError(MisenError):
    """Ranks that disagree before the first step, or one that died."""

    code, exit_code = "distributed", 5


class Cancelled(MisenError):
    """Stopped on request; nothing partial was left behind."""

    code, exit_code = "cancelled", 130


def brief(value: object) -> str:
    """What was given, as a message shows it: at most 80 characters."""
    try:
        return f"{value!r:.80}"
    except ValueError:  # Python does not write out whole numbers of more than 4,300 digits
        return "a number of thousands of digits"


def closest(given: str, accepted: Iterable[str]) -> str:
    """A hint naming the accepted values, the nearest first, e.g. ``did you mean 'round'? accepted: none, round``."""
    names = list(accepted)
    near = difflib.get_close_matches(given, names, n=1, cutoff=0.5)
    guess = f"did you mean {near[0]!r}? " if near else ""
    return f"{guess}accepted: {', '.join(names)}"
