"""The package as text: every source file, parsed once."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

WRITTEN = ("src", "tests", "docs", "configs", "examples", "benchmarks", ".ci")


@dataclass(frozen=True)
class Source:
    """One module of the package."""

    module: str
    path: Path
    tree: ast.Module

    @property
    def layer(self) -> str:
        """The package directly under ``misen``, or ``misen`` itself."""
        return [*self.module.split("."), "misen"][1]

    def strings(self) -> Iterator[ast.Constant]:
        """Every string that is not a docstring."""
        prose = {id(node.value) for node in ast.walk(self.tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
                yield node

    def at(self, node: ast.AST) -> str:
        """A place to click on."""
        return f"{self.path}:{node.lineno}"


def parse(root: Path, path: Path) -> Source:
    parts = path.relative_to(root / "src").with_suffix("").parts
    module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return Source(module, path.relative_to(root), ast.parse(path.read_text("utf-8")))


@pytest.fixture(scope="session")
def sources(root: Path) -> list[Source]:
    """Every module of the package."""
    return [parse(root, path) for path in sorted((root / "src" / "misen").rglob("*.py"))]


@pytest.fixture(scope="session")
def written(root: Path) -> list[Path]:
    """Every text file of the repository."""
    binary = {".safetensors", ".npz", ".png", ".jpg", ".gif", ".wav", ".mp4", ".pyc"}
    found = [path for folder in WRITTEN for path in (root / folder).rglob("*")] + list(root.iterdir())
    return [path for path in found if path.is_file() and path.suffix not in binary and "__pycache__" not in path.parts]
