"""Every script runs as it stands, in an empty folder, with a miniature installation."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from misen.media.picture import open_picture

EXAMPLES = Path(__file__).parents[2] / "examples"
PICTURES = {
    "words": 4, "sketch": 1, "segmentation": 3, "two_signals": 1, "words_to_avoid": 2, "change_a_picture": 3,
    "repaint_a_part": 1, "plan_and_replay": 3, "prompt_to_prompt": 4,
}  # fmt: skip


@pytest.mark.parametrize("name", [path.stem for path in sorted(EXAMPLES.glob("*.py"))])
def test_the_script_runs_and_leaves_its_pictures(name, installed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    made = sorted(tmp_path.iterdir())
    assert len(made) == PICTURES[name]
    assert {open_picture(path).size for path in made} == {(64, 64)}


def test_the_drawings_are_what_the_program_draws(tmp_path):
    drawn = runpy.run_path(str(EXAMPLES / "inputs" / "draw.py"))
    for name, draw in drawn["PICTURES"].items():
        kept, again = open_picture(EXAMPLES / "inputs" / f"{name}.png"), draw()
        assert (kept.size, kept.tobytes()) == (again.size, again.convert(kept.mode).tobytes()), name


def test_every_script_is_listed():
    text = (EXAMPLES / "README.md").read_text()
    assert [name for name in PICTURES if f"`{name}.py`" not in text] == []
