"""The benchmarks run, whatever they find."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tiny import tiny_weights, with_gan

__all__ = ["tiny_weights"]

IN_MINIATURE = """
import sys
from pathlib import Path
from tiny import install
install(Path(sys.argv.pop(1)))
from benchmarks.__main__ import main
main()
"""
"""Runs benchmarks with the models of an installation in miniature."""


@pytest.mark.slow
def test_benchmarks_print_one_table(root: Path) -> None:
    command = [sys.executable, "-m", "benchmarks", "world", "frechet", "--quick"]
    table = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    assert table.count("images alone") == table.count("sqrtm / ours") == 1


@pytest.mark.slow
def test_what_a_checkpoint_takes_is_foretold_and_measured(root: Path) -> None:
    command = [sys.executable, "-m", "benchmarks", "checkpoint", "--quick"]
    table = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    assert table.count("small checkpoint, 256 pixels, peak memory") == 1
    assert table.count("foretold / measured") == 4


def measured(root: Path, installed: Path, *arguments: object) -> str:
    """What benchmarks print of the models of an installation."""
    command = [sys.executable, "-c", IN_MINIATURE, str(installed), *map(str, arguments), "--quick"]
    paths = os.pathsep.join(str(root / folder) for folder in ("tests", "src", "."))
    environment = {**os.environ, "PYTHONPATH": paths}
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_generators_of_latents_are_measured_and_long_measurements_go_on(root, tiny_weights, tmp_path) -> None:
    (tmp_path / "installed").mkdir()
    installed, journal = with_gan(tiny_weights, tmp_path / "installed"), tmp_path / "inversion.jsonl"
    table = measured(root, installed, "gan", "styleclip", "inversion", "--journals", tmp_path)
    assert "not measured" not in table
    for line in ("diffusion / GAN", "optimization / global directions", "long search / encoder and search, time"):
        assert table.count(line) == 1
    rows = journal.read_text()
    assert rows.count("\n") == 3
    assert measured(root, installed, "inversion", "--journals", tmp_path).count("search / encoder, time") == 1
    assert journal.read_text() == rows


@pytest.mark.slow
def test_what_is_not_installed_is_not_measured(root: Path, tiny_weights: Path) -> None:
    table = measured(root, tiny_weights, "gan", "inversion", "styleclip")
    assert table.count("not measured, there is no model 'avatars/gan'") == 3
