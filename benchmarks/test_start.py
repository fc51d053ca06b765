"""How long a person waits before anything happens: importing the package, and asking the command for help."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("arguments", [["-c", "import misen"], ["-m", "misen", "--help"]], ids=["import", "help"])
def test_start(benchmark, arguments):
    run = [sys.executable, *arguments]
    benchmark.pedantic(subprocess.run, args=(run,), kwargs={"check": True, "capture_output": True}, rounds=5)
