"""Runs the command as a person does: a fresh process, wall time from the return key to the prompt."""

from __future__ import annotations

import os
import subprocess
import sys

from misen.core.errors import NotFoundError


def run(*arguments: str) -> None:
    """``misen ARGUMENTS``, offline; raises ``NotFoundError`` with its last line where it does not succeed."""
    command = [sys.executable, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "HF_HUB_OFFLINE": "1"})
    if done.returncode:
        raise NotFoundError((done.stderr.strip().splitlines() or ["failed in silence"])[-1])
