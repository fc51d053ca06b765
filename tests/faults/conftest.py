"""Bad inputs and faults, each met through the public face: the library, the command line, model files, training."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from misen.app import Model, load
from misen.cli.entry import run
from misen.core.errors import MisenError
from tiny import forget, install, tiny_weights

__all__ = ["tiny_weights"]


@pytest.fixture(scope="module", autouse=True)
def installed(tiny_weights: Path) -> Iterator[Path]:
    """In these tests Misen finds the models of a miniature installation, and nothing else."""
    with pytest.MonkeyPatch.context() as patch:
        install(tiny_weights, patch.setattr)
        yield tiny_weights
    forget()


@pytest.fixture(scope="module")
def model(installed: Path) -> Model:
    """The model that ships, in miniature, as ``misen.load`` opens it."""
    return load("avatars/diffusion")


@pytest.fixture
def folder(installed: Path, tmp_path: Path) -> Path:
    """A copy of the model's folder, to be damaged."""
    return shutil.copytree(installed / "avatars" / "diffusion", tmp_path / "model")


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing may be generated."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("generation began")

    monkeypatch.setattr(Model, "fulfil", refuse)


@dataclass(frozen=True)
class Outcome:
    """What a command left."""

    code: int
    out: str
    err: str


@pytest.fixture
def misen(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """``misen("generate", "--text", "a man")``; whatever happens, no trace is shown."""

    def call(*arguments: object) -> Outcome:
        outcome = Outcome(run([str(argument) for argument in arguments]), *capsys.readouterr())
        assert "Traceback" not in outcome.err
        assert outcome.code != 1, outcome.err
        return outcome

    return call


@pytest.fixture
def refused() -> Callable[..., MisenError]:
    """``refused(InputError, call, *arguments)``: the error, of exactly this class, whose message is of good quality."""

    def call(kind: type[MisenError], action: Callable[..., Any], *arguments: Any, **settings: Any) -> MisenError:
        with pytest.raises(MisenError) as caught:
            action(*arguments, **settings)
        error = caught.value
        assert type(error) is kind, error
        check_quality(error)
        return error

    return call


REMEDY = ("must be", "must satisfy", "must hold", "must leave room")
"""Words of a message that itself says what is accepted."""


def check_quality(error: MisenError) -> None:
    """Every message names what and why; it or its hint says what is accepted or what to do."""
    message = str(error)
    assert error.field, f"names no field: {message}"
    assert len(error.message) > 10
    assert error.hint or any(words in error.message for words in REMEDY), f"no remedy: {message}"
    assert "BytesIO" not in message
    assert "0x" not in message
