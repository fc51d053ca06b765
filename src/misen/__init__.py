"""Misen: any signal guides any generator, to make a new image or to change an existing one, and the result is measured.

This module is the public face and nothing else. Names are resolved on first use, so ``import misen`` costs nothing:
``load``, ``animate``, ``Adapter``, ``Guidance``, ``Consistency``, ``MisenError``, ``raw``, and one signal class per
modality (``Text``, ``Sketch``, ...).
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "load": "misen.app",
    "animate": "misen.app",
    "Adapter": "misen.core.adapter",
    "Guidance": "misen.core.guidance",
    "Consistency": "misen.core.guidance",
    "MisenError": "misen.core.errors",
    "raw": "misen.pretrained.raw",
}


def _signals() -> dict[str, Any]:
    """The descriptor of each modality by the name of its signal class."""
    from misen.core.registry import modalities

    return {modality.signal_class: modality for modality in modalities().values()}


def _public() -> list[str]:
    """Every public name, in alphabetical order."""
    return sorted([*_HOMES, *_signals(), "__version__"])


def __getattr__(name: str) -> Any:
    """Resolve a public name on first use; ``__all__`` is one of them, since it depends on the modalities at hand."""
    if name == "__all__":
        return _public()
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name[:1].isupper() and name in (signals := _signals()):
        return signals[name].signal
    raise AttributeError(f"module 'misen' has no attribute {name!r}")


def __dir__() -> list[str]:
    """The public names, for completion in a shell."""
    return _public()
