"""What the documents point to exists."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)")
COMMAND = re.compile(r"(?:^|[`$] ?)misen ([a-z]+)\b", re.MULTILINE)
CONFIG = re.compile(r"configs/[\w/.-]+\.(?:toml|txt)")
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


@pytest.fixture(scope="module")
def documents(root: Path) -> dict[Path, str]:
    """Every document, without its comments."""
    pages = [*root.glob("*.md"), *(root / "docs").rglob("*.md")]
    return {page: COMMENT.sub("", page.read_text("utf-8")) for page in pages}


def test_links_lead_somewhere(documents: dict[Path, str]) -> None:
    links = [(page, link) for page, text in documents.items() for link in LINK.findall(text)]
    assert [(page.name, link) for page, link in links if not (page.parent / link).exists()] == []


def test_configurations_exist(documents: dict[Path, str], root: Path) -> None:
    lists = [(root / name).read_text("utf-8") for name in ("Makefile", "configs/zoo.txt")]
    named = {name for text in [*documents.values(), *lists] for name in CONFIG.findall(text)}
    assert sorted(name for name in named if not (root / name).is_file()) == []


def test_every_configuration_of_a_shipped_model_is_in_the_zoo(root: Path) -> None:
    zoo = set(CONFIG.findall((root / "configs" / "zoo.txt").read_text("utf-8")))
    own = ("pictures", "textual_inversion", "dreambooth", "diffusionclip")
    for_ones_own_pictures = {f"configs/diffusion/{name}.toml" for name in own}
    assert {path.relative_to(root).as_posix() for path in root.glob("configs/*/*.toml")} - for_ones_own_pictures == zoo


def test_commands_exist(documents: dict[Path, str]) -> None:
    command = [sys.executable, "-m", "misen", "--help"]
    help_text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    offered = set(re.findall(r"^\W*([a-z]+) ", help_text, re.MULTILINE))
    named = {name for text in documents.values() for name in COMMAND.findall(text)}
    assert named - offered == set()


def test_make_targets_exist(documents: dict[Path, str], root: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (root / "Makefile").read_text(), re.MULTILINE))
    named = {name for text in documents.values() for name in re.findall(r"[`$] ?make ([a-z]+)", text)}
    assert named - targets == set()
