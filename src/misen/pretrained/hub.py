"""Models by their id on the Hugging Face hub, as far as they lie on this machine: nothing is fetched."""

from __future__ import annotations

import re
from pathlib import Path

ID = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)
"""Owner and name."""
FETCHED = ("*.json", "*.safetensors", "*.txt")
"""What a model needs; pickled weights would be refused."""


def cached(name: str) -> Path | None:
    """The folder of a model that was fetched before; None if ``name`` is no id, or nothing was."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    if not ID.fullmatch(name):
        return None
    try:
        return Path(snapshot_download(name, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError):
        return None


def advice(name: str) -> str:
    """What to do about an id of which nothing was fetched; "" if ``name`` is none."""
    patterns = " ".join(f'--include "{pattern}"' for pattern in FETCHED)
    fetch = f"; a model of the hub is opened once it was fetched: hf download {name} {patterns}"
    return fetch if ID.fullmatch(name) else ""
