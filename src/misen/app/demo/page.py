"""The page of the gallery: one file of HTML beside its pictures, without scripts."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from misen import __version__

if TYPE_CHECKING:
    from misen.app.demo.gallery import Gallery, Score, Shown

_TEMPLATE = Template((Path(__file__).parent / "page.html").read_text("utf-8"))


def sections(shown: Sequence[Shown]) -> Mapping[str, list[Shown]]:
    """The pictures under their headings, in the order of the first of each."""
    found: dict[str, list[Shown]] = {}
    for one in shown:
        found.setdefault(one.section, []).append(one)
    return found


def render(gallery: Gallery) -> str:
    """The page."""
    return _TEMPLATE.substitute(
        count=len(gallery.shown),
        seconds=f"{gallery.seconds:.0f}",
        model=escape(gallery.model),
        version=escape(f"misen {__version__}, {platform.machine()}"),
        sections="\n".join(_section(name, shown) for name, shown in sections(gallery.shown).items()),
        left_out=_left_out(gallery.left_out),
    )


def _section(name: str, shown: Sequence[Shown]) -> str:
    return f"<section><h2>{escape(name)}</h2><div class=grid>{''.join(map(_card, shown))}</div></section>"


def _card(shown: Shown) -> str:
    words = "".join(f"<p>{escape(line)}</p>" for line in shown.caption)
    alternative = escape(" / ".join(shown.caption))
    return (
        f"<figure><div class=pictures>{_given(shown.previews)}"
        f'<a href="{shown.picture}"><img src="{shown.picture}" alt="{alternative}"></a></div>'
        f"<figcaption>{words}<ul>{''.join(map(_score, shown.scores))}</ul>"
        f"<details><summary>plan, seed {shown.seed}, {shown.seconds:.1f} s</summary><pre>{escape(shown.plan)}</pre>"
        "</details></figcaption></figure>"
    )


def _given(previews: Sequence[tuple[str, str]]) -> str:
    """Pictures of what was given, if there are any."""
    pictures = "".join(f'<img src="{file}" alt="{name}" title="{name}" loading=lazy>' for name, file in previews)
    return f"<div class=given>{pictures}</div>" if pictures else ""


def _score(score: Score) -> str:
    value = "not judged" if score.value is None else f"{score.value:.2f} {score.unit}".strip()
    return f'<li title="{escape(score.metric)}">{escape(score.modality)} <b>{escape(value)}</b></li>'


def _left_out(reasons: Sequence[str]) -> str:
    if not reasons:
        return ""
    return f"<section><h2>Left out</h2><ul>{''.join(f'<li>{escape(reason)}</li>' for reason in reasons)}</ul></section>"
