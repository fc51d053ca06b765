"""A run killed without warning goes on as if nothing had happened."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from misen.training import CheckpointFolder

GAME = Path(__file__).with_name("game.py")

SAVE_FOREVER = """
import sys, torch
from pathlib import Path
from misen.training.checkpoint import Checkpoint, CheckpointFolder
folder = CheckpointFolder(Path(sys.argv[1]))
folder.remove_leftovers()
newest = folder.newest()
step = newest.manifest["step"] if newest else 0
assert newest is None or bool((newest.tensors["weights"] == step).all())
print(step, flush=True)
while True:
    step += 1
    folder.save(Checkpoint({"step": step}, {"weights": torch.full((500_000,), float(step))}))
    print(step, flush=True)
"""


def save_and_kill(folder: Path, draw: random.Random) -> tuple[int, int]:
    """Save checkpoints until killed; the step found at the start, and the last one that was complete."""
    process = subprocess.Popen([sys.executable, "-c", SAVE_FOREVER, str(folder)], stdout=subprocess.PIPE, text=True)
    found = int(process.stdout.readline())
    process.stdout.readline()
    time.sleep(draw.uniform(0, 0.05))
    process.send_signal(signal.SIGKILL)
    printed = [line for line in process.communicate()[0].splitlines(keepends=True) if line.endswith("\n")]
    return found, int(printed[-1]) if printed else found + 1


def kill_repeatedly(folder: Path, times: int) -> None:
    draw, complete = random.Random(0), 0
    for _ in range(times):
        found, last = save_and_kill(folder, draw)
        assert found >= complete
        complete = last
    restarted = CheckpointFolder(folder)
    restarted.remove_leftovers()
    assert restarted.newest().manifest["step"] >= complete
    assert all(path.suffix == ".safetensors" for path in folder.iterdir())


def test_a_kill_during_a_save_loses_nothing_that_was_complete(tmp_path):
    kill_repeatedly(tmp_path, 5)


@pytest.mark.slow
def test_a_thousand_kills(tmp_path):
    kill_repeatedly(tmp_path, 1000)


def play(folder: Path) -> subprocess.Popen:
    arguments = [str(folder), "steps=400", "checkpoint_minutes=0.0001", "log_every=1"]
    return subprocess.Popen(
        [sys.executable, str(GAME), *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_a_run_killed_twice_ends_bit_identical(tmp_path, game):
    for wait in (20, 60):
        process = play(tmp_path / "killed")
        for _ in range(wait):
            process.stderr.readline()
        process.kill()
        process.communicate()
    assert 0 < CheckpointFolder(tmp_path / "killed" / "checkpoints").newest().manifest["step"] < 400
    for name in ("killed", "whole"):
        process = play(tmp_path / name)
        assert process.communicate()[0].startswith("processes 1\n400 ")
    assert game.state_hash(tmp_path / "killed") == game.state_hash(tmp_path / "whole")
