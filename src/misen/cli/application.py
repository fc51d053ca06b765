"""All commands, registered; their work is imported when they run, so that ``misen --help`` answers at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from misen import __version__
from misen.cli import animate, convert, demo, edit, evaluate, generate, invert, matrix, models, replay, train, world
from misen.cli.options import expanded
from misen.cli.wishes import SUFFIXES

application = typer.Typer(
    name="misen",
    help="Any signal guides any generator, to make a new image or to change an existing one.",
    epilog="--debug, anywhere, shows where an error happened.",
    add_completion=False,
    rich_markup_mode=None,  # plain help comes in half the time, and keeps the brackets of examples
    pretty_exceptions_enable=False,
)
measures = typer.Typer(help="Measure models: quality, adherence, editing, reconstruction, and any two folders.")
avatars = typer.Typer(help="The avatar world that models are trained on.")


def _version(asked: bool) -> None:
    if asked:
        print(f"misen {__version__}")
        raise typer.Exit


@application.callback()
def _front(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options before the command; the version has been printed by its callback."""


WITH_GUIDANCE = (generate.generate, edit.edit, animate.animate, invert.invert, generate.explain)
WITHOUT = (models.models, replay.replay, convert.convert, train.train, demo.demo, matrix.matrix)
MEASURES = (
    evaluate.quality,
    evaluate.adherence,
    evaluate.editing,
    evaluate.curve,
    evaluate.drag,
    evaluate.subjects,
    evaluate.reconstruction,
    evaluate.folders,
)


def _register(where: typer.Typer, commands: Sequence[Callable[..., None]], epilog: str | None = None) -> None:
    for command in commands:
        where.command(epilog=epilog)(expanded(command))


_register(application, WITH_GUIDANCE, SUFFIXES)
_register(application, WITHOUT)
_register(measures, MEASURES)
_register(avatars, (world.render,))
application.add_typer(measures, name="evaluate")
application.add_typer(avatars, name="world")
