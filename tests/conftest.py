"""What every test shares: tensor shapes are checked, nothing reaches the network, and one thread computes."""

from __future__ import annotations

import os
import socket
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.update(HF_HUB_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1", TOKENIZERS_PARALLELISM="false")

import jaxtyping
import pytest
from hypothesis import settings

ROOT = Path(__file__).parents[1]
SHAPED = [
    *(f"misen.core.{module}" for module in ("condition", "estimate", "image", "view")),
    *(f"misen.{package}" for package in ("nn", "codecs", "perception", "generators", "synthesis", "inversion")),
    *(f"misen.metrics.{module}" for module in ("class_maps", "fid", "fidelity", "kid", "lpips", "precision_recall")),
]
"""Whose annotations are enforced on each call. Elsewhere wrong types must meet the errors made for them."""

jaxtyping.install_import_hook(SHAPED, "typechecker.check")
settings.register_profile("misen", deadline=None, derandomize=True, database=None)
settings.load_profile("misen")


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only this machine can be reached."""
    connect = socket.socket.connect

    def connect_locally(self: socket.socket, address: object) -> None:
        if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise OSError(f"tests have no network, but something asked for {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect_locally)


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real data with licences, beside the repository on machines that have it; the test is not for the others."""
    folder = Path(os.environ.get("MISEN_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real data is not at {folder}; set MISEN_SHARED_DATA")
    return folder
