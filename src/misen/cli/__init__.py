"""The ``misen`` command: a thin front door to :mod:`misen.app`; ``main`` is what the installed script calls."""

from misen.cli.entry import main

__all__ = ["main"]
