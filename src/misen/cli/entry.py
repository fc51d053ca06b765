"""From the words after ``misen`` to an exit code: every error is one line on standard error.

Exit codes: 0 done, 1 a bug, 2 bad usage or input, 3 a model file refused, 4 unreachable guidance, 5 storage or limits,
130 interrupted.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
import warnings
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

import typer

from misen.cli.application import application
from misen.core.errors import Cancelled, MisenError, StorageError

BUG, INTERRUPTED = MisenError.exit_code, Cancelled.exit_code
DEBUG = "--debug"


def main() -> NoReturn:
    """Run the command line of this process and leave with its exit code."""
    signal.signal(signal.SIGINT, _interrupt)
    warnings.showwarning = _show_warning  # type: ignore[assignment]  # a plain function of the same arguments
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run ``misen`` with ``arguments``; returns the exit code."""
    debug = DEBUG in arguments
    rest = [argument for argument in arguments if argument != DEBUG]
    try:
        code = _invoke(rest or ["--help"])
    except MisenError as error:
        _complain(str(error), debug=debug)
        return error.exit_code
    except OSError as error:  # a disk, a device or a permission that no check foresaw
        _complain(f"{error.filename or 'output'}: {error.strerror}", debug=debug)
        return StorageError.exit_code
    except typer.TyperException as error:
        _complain(error.format_message(), debug=debug)
        return error.exit_code
    except Exception as error:  # whatever is not one of ours is a bug, and a person should not have to read its trace
        remedy = "" if debug else f"; {DEBUG} shows where it happened, please report it"
        _complain(f"a bug: {type(error).__name__}: {error}{remedy}", debug=debug)
        return BUG
    if code == INTERRUPTED:
        _complain("interrupted; what was finished is kept", debug=False)
    return code


def _invoke(arguments: Sequence[str]) -> int:
    """Run a command; quiet when whoever read standard output has gone."""
    try:
        code = application(arguments, prog_name="misen", standalone_mode=False)
        if sys.stdout is not None:  # closed before the command began
            sys.stdout.flush()
    except (BrokenPipeError, SystemExit):  # rich and typer turn a broken pipe into SystemExit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return INTERRUPTED
    return int(code or 0)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    """The first Ctrl-C unwinds, which removes temporary files; the second kills at once."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    raise KeyboardInterrupt


def _complain(message: str, *, debug: bool) -> None:
    """One line about what went wrong, after its trace where that is wanted."""
    if debug:
        traceback.print_exc()
    print(f"misen: {message}", file=sys.stderr)


def _show_warning(message: Warning | str, category: type[Warning], *_: object) -> None:
    """A warning meant for the person at the keyboard; those between programmers stay silent."""
    if category is UserWarning:
        print(f"warning: {message}", file=sys.stderr)
