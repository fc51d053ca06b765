from __future__ import annotations

import io
import sys

from misen.cli import meter


def test_plain_lines_are_rare(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr(meter.time, "monotonic", lambda: now[0])
    with meter.metered() as show:
        for second in range(13):
            now[0] = float(second)
            show(second / 12, "avatars")
    assert capsys.readouterr().err.splitlines() == [" 42% avatars", " 83% avatars"]


def test_a_terminal_gets_a_bar_that_goes_away(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with meter.metered() as show:
        show(0.5, "picture 1 of 2")
    assert "picture 1 of 2" in terminal.getvalue()
    assert terminal.getvalue().endswith("\x1b[2K")
