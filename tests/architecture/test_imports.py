"""What importing costs, and what it must not need."""

from __future__ import annotations

import os
import subprocess
import sys

HEAVY = {"torch", "diffusers", "transformers", "PIL", "numpy", "scipy", "pydantic", "typer"}


def run(program: str) -> str:
    """What a fresh interpreter prints."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_import_misen_is_light() -> None:
    loaded = run("import sys, misen; misen.MisenError, misen.__all__; print(*sys.modules)").split()
    assert not HEAVY & set(loaded)


def test_every_module_imports_without_torchvision_and_torchaudio(sources) -> None:
    names = [source.module for source in sources if not source.module.endswith("__main__")]
    run(
        "import sys, importlib\n"
        "sys.modules.update(torchvision=None, torchaudio=None)  # as if neither were installed\n"
        f"for name in {names!r}: importlib.import_module(name)"
    )
