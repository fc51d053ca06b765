from __future__ import annotations

import warnings

import pytest

from misen import __version__
from misen.cli import entry
from misen.core.errors import MisenError


def subclasses(kind: type[MisenError]) -> list[type[MisenError]]:
    return [kind, *(deeper for below in kind.__subclasses__() for deeper in subclasses(below))]


def failing(error: BaseException):
    def run(*_: object, **__: object) -> None:
        raise error

    return run


def test_version_and_help(misen):
    assert misen("--version").out == f"misen {__version__}\n"
    assert misen().out == misen("--help").out
    assert (misen().code, "generate" in misen().out) == (0, True)


@pytest.mark.parametrize("kind", subclasses(MisenError))
def test_every_error_is_one_line_with_its_code(kind, monkeypatch, misen):
    monkeypatch.setattr(entry, "application", failing(kind("the size is 3", hint="use 4")))
    outcome = misen("models")
    assert (outcome.code, outcome.out, outcome.err) == (kind.exit_code, "", "misen: the size is 3. use 4\n")
    assert kind is MisenError or outcome.code in (2, 3, 4, 5, 130)


def test_a_bug_is_one_line_unless_its_trace_is_wanted(monkeypatch, misen):
    monkeypatch.setattr(entry, "application", failing(ZeroDivisionError("division by zero")))
    outcome = misen("models")
    assert outcome.code == 1
    assert outcome.err.count("\n") == 1
    assert "ZeroDivisionError: division by zero; --debug shows where" in outcome.err
    assert "Traceback" in misen("models", "--debug").err


def test_interruption(monkeypatch, misen):
    monkeypatch.setattr(entry, "application", failing(KeyboardInterrupt()))
    outcome = misen("models")
    assert (outcome.code, outcome.err) == (130, "misen: interrupted; what was finished is kept\n")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["generate", "--segmentaton", "f.png"], "--segmentation"),
        (["generate", "--guidance-scal", "3"], "--guidance-scale"),
        (["genrate"], "'generate'"),
        (["evaluate", "qualty"], "'quality'"),
        (["evaluate"], "Missing command"),
        (["edit"], "IMAGE"),
        (["generate", "--steps", "twenty"], "--steps"),
        (["generate", "--seed", "1.5"], "--seed"),
        (["world", "render", "-n", "2"], "--out"),
        (["evaluate", "adherence"], "--modality"),
        (["edit", "a.png", "--method", "sdedt"], "did you mean 'sdedit'?"),
        (["edit", "a.png", "--method", "inpaint"], "method inpaint needs a mask"),
        (["edit", "a.png", "--mask", "m.png", "--method", "sdedit"], "method sdedit cannot be combined with a mask"),
        (["edit", "a.png", "--method", "ilvr:facter=8"], "method ilvr has no option 'facter'. did you mean 'factor'?"),
        (["edit", "a.png", "--method", "ilvr:factor=7"], "factor of method ilvr must be one of 2, 4, 8, 16, 32, got"),
        (["edit", "a.png", "--method", "ilvr:factor"], "'factor' is not key=value"),
        (["edit", "a.png", "--method", "sdedit:until=1"], "method sdedit has no option 'until'. it has none"),
        (["generate", "--recipe", "r.json", "--text", "a", "--seed", "1"], "cannot be combined with --text, --seed"),
        (["evaluate", "adherence", "--modality", "a", "--beside", "b", "--route", "native"], "--beside cannot be"),
    ],
)  # fmt: skip
def test_bad_usage_names_the_option_or_the_closest(arguments, complaint, misen):
    outcome = misen(*arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert complaint in outcome.err
    assert outcome.err.count("\n") == 1


def test_warnings_for_people_are_one_line(capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = entry._show_warning
        warnings.warn("prompt cut: 3 tokens were dropped", stacklevel=1)
        warnings.warn("an old name", DeprecationWarning, stacklevel=1)
    assert capsys.readouterr().err == "warning: prompt cut: 3 tokens were dropped\n"
