"""The command line in this process, with an installation in miniature."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from misen.app import Model
from misen.cli.entry import run
from tiny import installed, tiny_weights

__all__ = ["installed", "tiny_weights"]


@dataclass(frozen=True)
class Outcome:
    """What a command left."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def misen(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """``misen("generate", "--text", "a man")``."""

    def call(*arguments: object) -> Outcome:
        code = run([str(argument) for argument in arguments])
        return Outcome(code, *capsys.readouterr())

    return call


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing may be generated."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("generation began")

    monkeypatch.setattr(Model, "fulfil", refuse)
