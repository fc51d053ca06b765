"""Which method is meant: by name, by name and options, or by what is given."""

from __future__ import annotations

from collections.abc import Mapping, Set
from importlib import import_module

from misen.core.errors import InputError, brief, closest
from misen.core.signal import paired
from misen.editing.methods import AUTO, METHODS
from misen.editing.methods.method import Method, Need


def choose(asked: str | Method, given: Set[Need]) -> Method:
    """The method asked for, checked against what is given.

    Args:
        asked: a method, or ``NAME[:option=value,...]``; ``auto`` goes by what is given.
        given: what of a picture, a mask and words there is.

    Raises:
        InputError: there is no such method or option, an option is out of range, or something given does not fit.
    """
    method = asked if isinstance(asked, Method) else parse(str(asked), given)
    method.check(given)
    return method


def parse(argument: str, given: Set[Need]) -> Method:
    """The method that ``NAME[:option=value,...]`` stands for; raises ``InputError``."""
    name, colon, options = argument.partition(":")
    return named(name, paired(_pairs(options)) if colon else {}, given)


def named(name: str, options: Mapping[str, object], given: Set[Need]) -> Method:
    """The method of a name with some of its options; raises ``InputError``."""
    if name == AUTO:
        name = "inpaint" if "mask" in given else "sdedit"
    if name not in METHODS:
        raise InputError(f"there is no method {brief(name)}", field="method", hint=closest(name, (AUTO, *METHODS)))
    method: type[Method] = getattr(import_module(f"{__package__}.{name.replace('-', '_')}"), METHODS[name])
    return method.of(options)


def _pairs(options: str) -> list[str]:
    """``option=value,...`` one by one; a comma that no option follows belongs to the value before it, as in words."""
    pairs: list[str] = []
    for piece in options.split(","):
        if "=" in piece or not pairs:
            pairs.append(piece)
        else:
            pairs[-1] += f",{piece}"
    return pairs
