"""Runs the command as a person does: a fresh process, wall time from the return key to the prompt."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass

from misen.core.errors import NotFoundError

METER = """
import json, resource, subprocess, sys, time
began = time.perf_counter()
done = subprocess.run(sys.argv[1:], capture_output=True, text=True)
seconds, peak = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(json.dumps({"output": done.stdout, "seconds": seconds, "peak": 1024 * peak}))
print(done.stderr, file=sys.stderr)
sys.exit(done.returncode)
"""
"""A process that takes nothing itself: Linux counts to a child what its parent held when it began."""


@dataclass(frozen=True)
class Metered:
    """A command that was measured: what it printed, its wall seconds, and the bytes of memory it held at its peak."""

    output: str
    seconds: float
    peak: int


def run(*arguments: str) -> str:
    """What ``python ARGUMENTS`` prints, offline; raises ``NotFoundError`` with its last line if it does not succeed."""
    command = [sys.executable, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "HF_HUB_OFFLINE": "1"})
    if done.returncode:
        raise NotFoundError((done.stderr.strip().splitlines() or ["failed in silence"])[-1])
    return done.stdout


def metered(*arguments: str) -> Metered:
    """The same, measured; on Linux."""
    return Metered(**json.loads(run("-c", METER, sys.executable, *arguments)))
