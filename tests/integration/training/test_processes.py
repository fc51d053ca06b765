"""Two processes do what one does."""

import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

GAME = Path(__file__).with_name("game.py")
# accelerate starts several processes on one machine under this option, and leaves the device to the program.
ACCELERATE = ["-m", "accelerate.commands.launch", "--multi_gpu", "--num_machines", "1", "--mixed_precision", "no"]
CONSTANT = "schedule=constant"
LAUNCHERS = {
    "accelerate": [*ACCELERATE, "--num_processes", "2", "--main_process_port"],
    "torchrun": ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port"],
}


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def losses(launcher: list[str], folder: Path, *overrides: str) -> list[float]:
    command = [sys.executable, *launcher, str(GAME), str(folder), *overrides]
    run = subprocess.run(command, capture_output=True, text=True, timeout=110)
    assert run.returncode == 0, run.stderr
    assert f"processes {2 if launcher else 1}" in run.stdout
    return [float(number) for number in re.search(r"^12 (\S+) (\S+)$", run.stdout, re.MULTILINE).groups()]


@pytest.mark.parametrize("launcher", ["accelerate", pytest.param("torchrun", marks=pytest.mark.slow)])
def test_two_processes_have_the_loss_of_one(tmp_path, launcher):
    alone = losses([], tmp_path / "alone")
    together = losses([*LAUNCHERS[launcher], free_port()], tmp_path / "together")
    assert together == pytest.approx(alone, abs=1e-6)


def test_saved_by_two_continued_by_one(tmp_path, game):
    command = [sys.executable, *LAUNCHERS["torchrun"], free_port(), str(GAME), str(tmp_path), "steps=6", CONSTANT]
    subprocess.run(command, check=True, capture_output=True, timeout=110)
    outcome = game.trainer(tmp_path, CONSTANT).run(resume=True, allow={"steps", "code"})
    whole = game.trainer(tmp_path / "whole", CONSTANT).run()
    assert outcome.figures == pytest.approx(whole.figures, abs=1e-5)


@pytest.mark.slow
def test_processes_with_different_configurations_stop_before_the_first_step(tmp_path):
    script = tmp_path / "different.py"
    script.write_text(
        "import os, runpy, sys\n"
        f"sys.argv = ['game', {str(tmp_path / 'run')!r}, 'lr=0.' + str(1 + int(os.environ['RANK']))]\n"
        f"runpy.run_path({str(GAME)!r}, run_name='__main__')\n"
    )
    command = [sys.executable, *LAUNCHERS["torchrun"], free_port(), str(script)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=110)
    assert run.returncode != 0
    assert "lr on rank 1" in run.stderr
    assert not (tmp_path / "run" / "checkpoints").exists()


THREADS = """
import sys
from pathlib import Path

import torch

import misen.distributed

torch.distributed.init_process_group("gloo", store=torch.distributed.HashStore(), rank=0, world_size=1)
torch.optim.SGD([torch.zeros(1, requires_grad=True)])  # brings in all of torch that is imported late
torch.distributed.broadcast(torch.zeros(1), 0)
torch.distributed.destroy_process_group()
print([path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")])
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are told by Linux")
def test_the_threads_of_a_group_end_with_it():
    run = subprocess.run([sys.executable, "-c", THREADS], check=True, capture_output=True, text=True, timeout=110)
    assert "python" in run.stdout
    assert "gloo" not in run.stdout
