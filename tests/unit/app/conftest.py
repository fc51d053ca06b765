"""A model of a toy family, guided by the camera, whose encoder needs no network."""

from __future__ import annotations

from pathlib import Path

import pytest

from misen import assembly
from misen.app import Model
from misen.assembly import Defaults, Opened
from toys import Euler, Heun, ToyDiffusion, port


def opened(sha256: str = "ab" * 32) -> Opened:
    return Opened(
        name="toy",
        generator=ToyDiffusion({"camera": port("camera")}),
        samplers={"euler": lambda steps: Euler(steps), "heun": lambda steps: Heun(steps)},
        defaults=Defaults("euler", 12, 2.0),
        sha256=sha256,
        save=lambda folder: None,
    )


@pytest.fixture
def model() -> Model:
    return Model(opened())


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The toy model can be opened by name."""
    monkeypatch.setattr(assembly, "open_model", lambda name, device, adapters: opened())


@pytest.fixture
def picture(tmp_path: Path, model: Model) -> Path:
    """A saved picture."""
    return model.synthesize(seed=11).images[0].save(tmp_path / "picture.png")
