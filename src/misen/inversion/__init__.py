"""Inversion: from a given picture back to the state that a walk would have made it from."""

from misen.inversion.null_text import NullText, invert_null_text
from misen.inversion.optimize import optimize
from misen.inversion.pivot import tune_pivot
from misen.inversion.reverse import Fidelity, Inversion, invert
from misen.inversion.state_file import StateFile, pack, unpack

__all__ = [
    "Fidelity",
    "Inversion",
    "NullText",
    "StateFile",
    "invert",
    "invert_null_text",
    "optimize",
    "pack",
    "tune_pivot",
    "unpack",
]
