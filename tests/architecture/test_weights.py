"""What ships is small, safe to open, and carries a card."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

BUDGET_MB = 99
"""55 for the foundation: observers, joint embeddings, autoencoder, tiny decoder and the diffusion model; 44 for what
follows from a trained diffusion model: its weak network (ADR 0056), its student, the upscaler, and the DALL-E 2 way
(ADR 0035)."""

DATA = {".safetensors", ".json", ".toml", ".txt", ".md"}


@pytest.fixture(scope="module")
def shipped(root: Path) -> list[Path]:
    """Every file under the weights folder, once; parts that models share are links."""
    paths = (root / "src" / "misen" / "weights").rglob("*")
    return [path for path in paths if path.is_file() and not path.is_symlink()]


def test_weights_fit_the_budget(shipped: list[Path]) -> None:
    assert sum(path.stat().st_size for path in shipped) <= BUDGET_MB * 1e6


def test_weights_are_data_only(shipped: list[Path]) -> None:
    offenders = [str(path) for path in shipped if path.suffix not in DATA]
    assert not offenders, f"only {', '.join(sorted(DATA))} ship:\n" + "\n".join(offenders)


def test_every_model_carries_a_card(shipped: list[Path], root: Path) -> None:
    top = root / "src" / "misen" / "weights"
    folders = {path.parent for path in shipped if path.suffix == ".safetensors"}
    offenders = [str(folder) for folder in folders if not card_of(folder, top)]
    assert not offenders, "models without a card.toml:\n" + "\n".join(offenders)


def card_of(folder: Path, top: Path) -> Path | None:
    """The nearest card at or above a folder of weights."""
    inside = [folder, *folder.parents][: len(folder.relative_to(top).parts)]
    return next((place / "card.toml" for place in inside if (place / "card.toml").is_file()), None)


def test_cards_are_readable(shipped: list[Path]) -> None:
    for path in shipped:
        if path.name == "card.toml":
            assert tomllib.loads(path.read_text("utf-8")), path
