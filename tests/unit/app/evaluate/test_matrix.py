"""The matrix: figures where a model can follow, the planner's reason where it cannot, and both are remembered."""

from __future__ import annotations

import json

import pytest

from misen.app.evaluate import Contestant, append_cell, best_models, evaluate_matrix, matrix, read_cells
from misen.core.errors import FormatError, InputError, NotFoundError, StorageError, Unreachable
from unit.app.evaluate.conftest import Renderer

N = 6


class Native(Renderer):
    """Follows by its ports alone."""

    def route(self, guidances):
        if guidances[0].route != "native":
            raise Unreachable(f"camera cannot be followed ({guidances[0].route}: no)", hint="native: camera")
        return "native"


@pytest.fixture
def entrants(truth) -> list[Contestant]:
    return [Contestant("one", Native(truth, name="models/one"), "ab"), Contestant("two", None, absent="there is none")]


def test_each_place_has_a_figure_or_a_reason(entrants, examination) -> None:
    cells = list(evaluate_matrix(entrants, ["camera"], n=N, examination=examination))
    places = [(cell.family, cell.route) for cell in cells]
    assert places == [(f, r) for f in ("one", "two") for r in ("native", "adapted", "consistency")]
    assert cells[0].adherence["normalized"] == pytest.approx(1)
    assert cells[0].describe() == "1.00 [1.00, 1.00]"
    assert cells[1].describe() == "refused: camera cannot be followed (adapted: no)"
    assert {cell.refusal for cell in cells[3:]} == {"there is none"}
    assert len({cell.place for cell in cells}) == 6


def test_all_modalities_are_asked_for_unless_some_are_named(examination) -> None:
    cells = list(evaluate_matrix([Contestant("two", None, absent="none")], n=N, examination=examination))
    assert {cell.modality for cell in cells} == set(matrix.modalities())


def test_nothing_is_measured_twice(entrants, examination, tmp_path) -> None:
    path = tmp_path / "matrix.jsonl"
    assert read_cells(path) == []
    first = list(evaluate_matrix(entrants, ["camera"], n=N, examination=examination))
    for cell in first[:4]:
        append_cell(path, cell)
    with path.open("ab") as file:
        file.write(b'{"family": "one", "mod')
    done = read_cells(path)
    assert [cell.to_json() for cell in done] == [cell.to_json() for cell in first[:4]]
    renderer = entrants[0].examinee
    renderer.asked.clear()
    again = list(evaluate_matrix(entrants, ["camera"], n=N, done=done, examination=examination))
    assert renderer.asked == []
    assert [cell.to_json() for cell in again] == [cell.to_json() for cell in first]
    append_cell(path, again[4])
    assert [json.loads(line)["family"] for line in path.read_text().splitlines()] == ["one"] * 3 + ["two"] * 2
    other = next(evaluate_matrix(entrants[:1], ["camera"], n=N + 1, done=done, examination=examination))
    assert other.n == N + 1
    assert renderer.asked != []


def test_the_watcher_sees_the_work_go_on(entrants, examination) -> None:
    seen = []
    list(evaluate_matrix(entrants, ["camera"], n=N, examination=examination, watch=lambda *told: seen.append(told)))
    fractions = [fraction for _, fraction in seen]
    assert fractions == sorted(fractions)
    assert fractions[0] == 0
    assert fractions[-1] < 1
    assert (seen[-1][0].family, seen[-1][0].route) == ("two", "consistency")


def test_what_cannot_be_asked_is_refused(entrants, examination, tmp_path) -> None:
    with pytest.raises(NotFoundError, match="did you mean 'camera'"):
        list(evaluate_matrix(entrants, ["kamera"], n=N, examination=examination))
    with pytest.raises(InputError, match="n must be"):
        list(evaluate_matrix(entrants, ["camera"], n=1, examination=examination))
    with pytest.raises(StorageError, match="no folder"):
        read_cells(tmp_path / "missing" / "a.jsonl")
    with pytest.raises(StorageError, match="is a folder"):
        read_cells(tmp_path)
    (tmp_path / "other.jsonl").write_text('{"a": 1}\n')
    with pytest.raises(FormatError, match=r"other\.jsonl:1 is no cell"):
        read_cells(tmp_path / "other.jsonl")


def test_families_without_a_model_stay_in_the_table(monkeypatch, truth) -> None:
    def load(family: str):
        if family != "first":
            raise NotFoundError(f"there is no model {family!r}")
        return type("Model", (), {"name": "models/first", "opened": type("Opened", (), {"sha256": "cd"})})()

    monkeypatch.setattr(matrix, "families", lambda: {"first": None, "second": None})
    monkeypatch.setattr(matrix, "load", load)
    first, second = best_models()
    assert (first.examinee.name, first.sha256, first.absent) == ("models/first", "cd", "")
    assert (second.examinee, second.absent) == (None, "there is no model 'second'")
