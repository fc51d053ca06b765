"""The benchmarks run, whatever they find."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


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
