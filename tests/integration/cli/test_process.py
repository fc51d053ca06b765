"""The command as other programs meet it: a process with streams, signals and an exit code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tiny import FOLDER

ROOT = Path(__file__).parents[3]
TINY = [sys.executable, str(ROOT / "tests" / "tiny.py")]
HEAVY = {"torch", "numpy", "PIL", "diffusers", "transformers", "rich"}


def misen(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the installed command."""
    return subprocess.run([sys.executable, "-m", "misen", *arguments], capture_output=True, text=True, check=False)


@pytest.fixture
def environment(tiny_weights: Path) -> dict[str, str]:
    """Where a process finds the miniature installation."""
    return {**os.environ, FOLDER: str(tiny_weights), "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT / 'tests'}"}


def test_help_loads_nothing_heavy():
    program = (
        "import sys; from misen.cli.entry import run\n"
        "commands = [], ['generate'], ['edit'], ['evaluate'], ['world', 'render']\n"
        "print([run([*words, '--help']) for words in commands], *sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr.startswith("[0, 0, 0, 0, 0]")
    assert not HEAVY & set(done.stderr.split())
    assert "--segmentation FILE" in done.stdout


def test_codes_and_streams():
    wrong = misen("generate", "--sketsh", "f.png")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "--sketch" in wrong.stderr
    assert misen("--version").stdout.startswith("misen 0.")


def test_a_closed_standard_output_is_quiet():
    command = [sys.executable, "-m", "misen", "generate", "--help"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0


@pytest.fixture
def generating(environment: dict[str, str], tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that has just finished its first of many pictures."""
    arguments = ["generate", "-n", "1000", "--steps", "40", "-o", str(tmp_path / "a.png")]
    with subprocess.Popen([*TINY, *arguments], env=environment, stderr=subprocess.PIPE, text=True) as process:
        while not (tmp_path / "a-0.png").exists() and process.poll() is None:
            time.sleep(0.02)
        yield process
        process.kill()


@pytest.mark.timeout(600)
def test_ctrl_c_keeps_what_is_finished_and_nothing_else(generating, tmp_path):
    generating.send_signal(signal.SIGINT)
    _, complaint = generating.communicate()
    assert generating.returncode == 130
    assert complaint.endswith("misen: interrupted; what was finished is kept\n")
    assert "Traceback" not in complaint
    assert not list(tmp_path.glob("*.partial"))
    assert not list(tmp_path.glob(".*"))
    for path in tmp_path.glob("*.png"):
        Image.open(path).load()


def test_a_second_ctrl_c_kills():
    program = (
        "import os, signal, time; from misen.cli import entry\n"
        "signal.signal(signal.SIGINT, entry._interrupt)\n"
        "try: os.kill(os.getpid(), signal.SIGINT); time.sleep(60)\n"
        "except KeyboardInterrupt: os.kill(os.getpid(), signal.SIGINT); time.sleep(60)"
    )
    killed = subprocess.run([sys.executable, "-c", program], timeout=60, check=False)
    assert killed.returncode == -signal.SIGINT
