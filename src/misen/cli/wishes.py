"""GUIDANCE options, one per modality of the registry, and the suffixes that say how each should act.

``--text "a bald man:strength=0.5,end=0.6"`` is words with a suffix, ``--text "5:30, and nothing else"`` is words: what
follows the last colon counts as a suffix only if it consists of the keys ``strength``, ``start``, ``end``, ``route``
and those of guidance by consistency: ``measure``, ``copies``, ``gradients``, ``recurrences``, ``interval`` and
``through``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from dataclasses import dataclass
from inspect import Parameter
from typing import TYPE_CHECKING, Annotated, Any, Self

import typer

from misen.cli.options import Group
from misen.core.errors import InputError
from misen.core.registry import Modality, modalities

if TYPE_CHECKING:
    from misen.core.guidance import Consistency, Guidance

_PAIR = r"\s*(?:strength|start|end|route|measure|copies|gradients|recurrences|interval|through)\s*=\s*[^,:=\s]*"
_SWITCH: Mapping[str, Any] = {"true": True, "false": False}
_SUFFIX = re.compile(rf":({_PAIR}(?:,{_PAIR})*)$")
SUFFIXES = "Guidance takes suffixes: --text 'a hat:strength=0.5,start=0,end=0.6,route=native'."
"""For the foot of each help page that lists them."""


@dataclass(frozen=True)
class Wishes(Group):
    """What guides.

    Attributes:
        arguments: what was given to each modality's option.
    """

    arguments: Mapping[str, list[str]]

    @classmethod
    def parameters(cls) -> list[Parameter]:
        """One option per modality."""
        return [
            Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=_option(modality))
            for name, modality in modalities().items()
        ]

    @classmethod
    def take(cls, given: dict[str, Any]) -> Self:
        """The wishes among a command's arguments."""
        return cls({name: given.pop(name) or [] for name in modalities()})

    def given(self) -> dict[str, list[str]]:
        """The options that were used."""
        return {name: arguments for name, arguments in self.arguments.items() if arguments}

    def guidances(self, raw: Set[str] = frozenset()) -> list[Guidance]:
        """The wishes, parsed.

        Args:
            raw: modalities whose files are pictures, to be taken as they are.

        Raises:
            InputError: a value its modality does not accept, a senseless suffix, or an option given too often.
        """
        given = [(name, one) for name, many in self.given().items() for one in _some(name, many)]
        return [guidance(modalities()[name], one, raw=name in raw) for name, one in given]


def _option(modality: Modality) -> Any:
    info = typer.Option(
        f"--{modality.name}", metavar=modality.metavar, help=modality.summary, rich_help_panel="Guidance"
    )
    return Annotated[list[str] | None, info]


def _some(name: str, arguments: list[str]) -> list[str]:
    """The arguments of an option, which must be one where several make no sense."""
    if len(arguments) > 1 and not modalities()[name].repeatable:
        raise InputError(f"--{name} is given {len(arguments)} times", field=name, hint="give it once")
    return arguments


def guidance(modality: Modality, argument: str, *, raw: bool = False) -> Guidance:
    """The wish an option's argument describes, which may be a picture to be taken as it is."""
    from misen.assembly import signal_class
    from misen.core.guidance import Guidance
    from misen.pretrained.raw import RAW

    value, suffix = split(argument)
    kind = signal_class(RAW + modality.name if raw else modality.name)
    return Guidance(signal=kind.parse(value), **manner(suffix, modality.name))


def manner(suffix: Mapping[str, str], name: str) -> dict[str, Any]:
    """How a wish of a modality acts, as arguments of a ``Guidance``; raises ``InputError``."""
    start, end = (number(suffix, key, name, default) for key, default in (("start", 0.0), ("end", 1.0)))
    return {
        "strength": number(suffix, "strength", name, 1.0),
        "window": (start, end),
        "route": suffix.get("route", "auto"),
        "consistency": _consistency(suffix),
    }


def _consistency(suffix: Mapping[str, str]) -> Consistency:
    """The options of guidance by consistency."""
    from misen.core.guidance import Consistency

    keys = ("copies", "gradients", "recurrences", "interval", "through")
    given = {key: _value(suffix[key]) for key in keys if key in suffix}
    return Consistency(measure=suffix.get("measure", ""), **given)


def _value(given: str) -> Any:
    """A whole number or a switch; anything else is refused at birth, in the words of whoever needs one."""
    return int(given) if re.fullmatch(r"\d{1,9}", given) else _SWITCH.get(given, given)


def split(argument: str) -> tuple[str, dict[str, str]]:
    """What is wished, and its suffix; raises ``InputError`` for a key without a value or given twice."""
    from misen.core.signal import key_values

    found = _SUFFIX.search(argument)
    if found is None:
        return argument, {}
    return argument[: found.start()], key_values(found[1])


def number(suffix: Mapping[str, str], key: str, name: str, default: float) -> float:
    """The number at ``key`` in the suffix of the option ``name``; raises ``InputError`` if it is none."""
    try:
        return float(suffix.get(key, default))
    except ValueError:
        hint = "for example --text words:strength=0.5"
        raise InputError(f"{key} of --{name} must be a number, got {suffix[key]!r}", field=key, hint=hint) from None
