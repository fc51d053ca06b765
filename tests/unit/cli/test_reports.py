"""What ``misen edit --report``, ``misen matrix`` and ``misen evaluate editing`` print."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path

import pytest

from misen.app import evaluate
from misen.app.evaluate import Cell
from misen.cli import evaluate as measuring
from misen.editing.report import MEASURED_BY

INPUTS = Path(__file__).parents[3] / "examples" / "inputs"
pytestmark = pytest.mark.usefixtures("installed")


def test_an_edit_is_reported_for_each_picture(misen, tmp_path):
    arguments = ("--text", "a red hat", "--strength", 0.5, "-n", 2, "--seed", 3, "--report")
    told = misen("edit", INPUTS / "painting.png", *arguments, "-o", tmp_path / "a.png")
    assert told.code == 0
    assert told.out.count("text 'a red hat': ") == 2
    assert told.out.count("judged by observer-b@") == 2
    assert "seed 4\n" in told.out
    document = misen("edit", INPUTS / "painting.png", *arguments, "--json", "-o", tmp_path / "b.png").json
    first, second = document["edits"]
    assert first["measured_by"] == dict(MEASURED_BY)
    assert [trait["key"] for trait in first["wishes"][0]["traits"]] == ["hat", "hat_color"]
    assert first["control"]["lpips_a"] == second["control"]["lpips_a"]  # the same untouched picture
    assert first["edit"]["psnr"] != second["edit"]["psnr"]
    assert sum(first["area"]["runs"]) == 64 * 64


def test_without_report_nothing_is_judged(misen, tmp_path):
    outcome = misen("edit", INPUTS / "painting.png", "--strength", 0.5, "--json", "-o", tmp_path / "a.png")
    assert "edits" not in outcome.json


@pytest.fixture
def cells(monkeypatch):
    """The cells of a matrix that is already known, and those of them that were remembered."""
    fixed = {"family": "one", "model": "models/one", "sha256": "ab", "n": 6, "seed": 0, "judge": "b@0"}
    figures = {"normalized": 0.5, "ci95": [0.4, 0.6]}
    known = [
        Cell(**fixed, modality="camera", route="native", adherence=figures),
        Cell(**fixed, modality="camera", route="adapted", refusal="no adapter is loaded"),
    ]
    remembered: list[Cell] = []

    def evaluate_matrix(contestants, asked, *, done, watch, **settings):
        assert (asked, settings) == (["camera"], {"n": 6, "seed": 0})
        remembered.extend(done)
        for cell in known:
            watch(cell, 0.5)
            yield cell

    monkeypatch.setattr(evaluate, "evaluate_matrix", evaluate_matrix)
    monkeypatch.setattr(evaluate, "best_models", lambda batch: [])
    return known, remembered


def test_the_matrix_is_a_table_or_json_and_can_be_continued(misen, cells, tmp_path):
    known, remembered = cells
    path = tmp_path / "matrix.jsonl"
    table = misen("matrix", "--n", 6, "--modalities", "camera", "-o", path)
    assert (table.code, remembered) == (0, [])
    assert "0.50 [0.40, 0.60]" in table.out
    assert "refused: no adapter is loaded" in table.out
    again = misen("matrix", "--n", 6, "--modalities", " camera,", "-o", path, "--json")
    assert again.json["cells"] == [cell.to_json() for cell in known]
    assert [cell.place for cell in remembered] == [cell.place for cell in known]
    assert [json.loads(line) for line in path.read_text().splitlines()] == again.json["cells"]


def test_a_method_of_editing_is_measured(misen, monkeypatch):
    @contextmanager
    def examination(split, n, what):
        yield split, n, what

    class Report:
        def to_json(self):
            return {"success": 0.5}

    def evaluate_editing(editor, **settings):
        assert (editor.name, editor.method, editor.strength) == ("avatars/diffusion", "sdedit", 0.5)
        assert settings == {"n": 4, "seed": 2, "examination": ("test", 4, "edits")}
        return Report()

    monkeypatch.setattr(measuring, "_examination", examination)
    monkeypatch.setattr(evaluate, "evaluate_editing", evaluate_editing)
    arguments = ("--method", "sdedit", "--strength", 0.5, "--n", 4, "--seed", 2)
    assert misen("evaluate", "editing", *arguments, "--json").json == {"success": 0.5}
    assert misen("evaluate", "editing", *arguments).out == "success  0.5\n"
