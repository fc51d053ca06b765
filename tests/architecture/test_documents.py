"""What the documents point to exists."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import typer

from misen.cli.application import application
from misen.cli.options import sides
from misen.cli.wishes import guidance
from misen.core.errors import MisenError
from misen.core.registry import modalities
from misen.editing.methods import METHODS
from misen.editing.methods.choice import choose

LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)")
COMMAND = re.compile(r"(?:^|[`$] ?)misen ([a-z]+)\b", re.MULTILINE)
SHOWN = re.compile(r"^\$ misen (.*)$", re.MULTILINE)
"""A command as it would be typed."""
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
    for_ones_own_pictures = {"configs/gan/mapper.toml", *(f"configs/diffusion/{name}.toml" for name in own)}
    assert {path.relative_to(root).as_posix() for path in root.glob("configs/*/*.toml")} - for_ones_own_pictures == zoo


def test_commands_exist(documents: dict[Path, str]) -> None:
    command = [sys.executable, "-m", "misen", "--help"]
    help_text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    offered = set(re.findall(r"^\W*([a-z]+) ", help_text, re.MULTILINE))
    named = {name for text in documents.values() for name in COMMAND.findall(text)}
    assert named - offered == set()


def test_commands_are_understood(documents: dict[Path, str]) -> None:
    command = typer.main.get_command(application)
    _disarm(command)
    complaints = []
    for page, line in [(page.name, line) for page, text in documents.items() for line in SHOWN.findall(text)]:
        try:
            command(shlex.split(line, comments=True), prog_name="misen", standalone_mode=False)
        except (typer.TyperException, MisenError, ValueError) as error:
            complaints.append(f"{page}: misen {line}: {error}")
    assert complaints == []


def _disarm(command: Any) -> None:
    """Let a command and those inside it check what they are given, and do nothing."""
    for inner in getattr(command, "commands", {}).values():
        _disarm(inner)
        if not hasattr(inner, "commands"):
            inner.callback = partial(_check, inner.name)


def _check(command: str, **given: Any) -> None:
    """What can be said of the arguments of a command without opening a file; the name of one passes as words."""
    for name, modality in modalities().items():
        for argument in given.get(name) or ():
            guidance(modalities()["text"] if modality.metavar == "FILE" else modality, argument)
    if isinstance(given.get("size"), str):
        sides(given["size"])
    if command == "edit":
        there = {"picture": True, "words": bool(given["text"]), "mask": given["mask"] is not None}
        choose(given["method"], {need for need, is_there in there.items() if is_there})


def test_every_method_of_editing_has_its_place(documents: dict[Path, str], root: Path) -> None:
    guide = documents[root / "docs" / "guides" / "editing.md"]
    assert [name for name in METHODS if f"### `{name}`" not in guide] == []


def test_make_targets_exist(documents: dict[Path, str], root: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (root / "Makefile").read_text(), re.MULTILINE))
    named = {name for text in documents.values() for name in re.findall(r"[`$] ?make ([a-z]+)", text)}
    assert named - targets == set()
