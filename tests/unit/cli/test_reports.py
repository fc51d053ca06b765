"""What ``misen edit --report``, ``misen matrix`` and ``misen evaluate`` ask for and print."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path

import pytest

from misen.app import evaluate
from misen.app.evaluate import Cell, Finisher, Retoucher, Reviser, usual_dial
from misen.cli import evaluate as measuring
from misen.core.guidance import Consistency
from misen.editing.report import MEASURED_BY
from misen.metrics.report import CurveControl, CurvePoint, CurveReport
from misen.metrics.rows import Work
from misen.perception.figures import Figure
from misen.recipes import evaluate_subjects

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


@pytest.fixture
def bench(monkeypatch):
    """What is measured with is told by what it was asked for as."""

    @contextmanager
    def examination(split, n, what="wishes"):
        yield split, n, what

    monkeypatch.setattr(measuring, "_examination", examination)


class Success:
    """A report of one figure."""

    def to_json(self):
        return {"success": 0.5}


def test_a_method_of_editing_is_measured(misen, bench, monkeypatch):
    asked = []

    def evaluate_editing(editor, **settings):
        asked.append((editor, settings))
        return Success()

    monkeypatch.setattr(evaluate, "evaluate_editing", evaluate_editing)
    arguments = ("--method", "sdedit", "--strength", 0.5, "--n", 4, "--seed", 2)
    assert misen("evaluate", "editing", *arguments, "--json").json == {"success": 0.5}
    others = ("--own", "--change", "hat=cap", "--steps", 7, "--half", "--workers", 2, "--journal", "rows.jsonl")
    assert misen("evaluate", "editing", *arguments, *others).out == "success  0.5\n"
    (plain, settings), (own, changed) = asked
    assert (plain.name, plain.method, plain.strength, plain.settings) == ("avatars/diffusion", "sdedit", 0.5, {})
    assert settings == {"n": 4, "seed": 2, "change": "", "examination": ("test", 4, "edits"), "work": Work()}
    assert (plain.half, own.half, changed["work"]) == (False, True, Work(2, Path("rows.jsonl")))
    assert (type(plain), type(own), own.settings) == (Retoucher, Reviser, {"num_inference_steps": 7})
    assert changed["change"] == "hat=cap"


def test_drags_are_measured(misen, bench, monkeypatch):
    asked = []
    monkeypatch.setattr(evaluate, "evaluate_drags", lambda dragger, **rest: asked.append((dragger, rest)) or Success())
    others = ("--method", "drag:search=9", "--steps", 100, "--n", 4, "--half", "--journal", "rows.jsonl")
    assert misen("evaluate", "drag", *others, "--json").json == {"success": 0.5}
    misen("evaluate", "drag")
    (dragger, settings), (plain, usual) = asked
    assert (dragger.method, dragger.settings, dragger.half) == ("drag:search=9", {"num_inference_steps": 100}, True)
    work = Work(journal=Path("rows.jsonl"))
    assert settings == {"n": 4, "seed": 0, "examination": ("test", 4, "edits"), "work": work}
    assert (plain.method, plain.settings, usual["n"]) == ("drag", {}, 100)


def test_inversions_are_measured(misen, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(evaluate, "evaluate_inversion", lambda *_, **rest: asked.append(rest) or Success())
    arguments = ("evaluate", "reconstruction", "--images", tmp_path, "--method", "hybrid")
    assert misen(*arguments, "--tune", 5, "--space", "w", "--steps", 9, "--workers", 2, "--json").code == 0
    misen(*arguments)
    chosen, usual = asked
    assert (chosen["tune"], chosen["space"], chosen["num_inference_steps"], chosen["work"]) == (5, "w", 9, Work(2))
    assert (usual["tune"], usual["space"], "num_inference_steps" in usual) == (0, "w+", False)


def test_how_wishes_act_is_said_by_suffixes(misen, bench, monkeypatch):
    asked = []

    def evaluate_adherence(examinee, modality, **settings):
        asked.append((modality, settings))
        return Success()

    monkeypatch.setattr(evaluate, "evaluate_adherence", evaluate_adherence)
    suffixes = "text:strength=2,copies=4"
    misen("evaluate", "adherence", "--modality", suffixes, "--route", "consistency", "--n", 6)
    misen("evaluate", "adherence", "--modality", "text", "--n", 6)
    (name, how), (plain, nothing) = asked
    assert (name, how["route"], how["strength"]) == ("text", "consistency", 2)
    assert how["consistency"] == Consistency(copies=4)
    assert (plain, nothing) == ("text", {"n": 6, "seed": 0, "examination": ("test", 6, "wishes")})
    beside = misen("evaluate", "adherence", "--modality", suffixes, "--beside", "sketch")
    assert (beside.code, "--beside cannot be combined" in beside.err) == (2, True)


def test_a_curve_is_a_table_or_json(misen, bench, monkeypatch):
    figures = {"success": Figure(0.5, 0.25, 0.75, 6), "psnr": Figure(30.0, 29.0, 31.0, 6)}

    def evaluate_curve(editor, dial, **settings):
        assert (type(editor), editor.method, editor.settings) == (Finisher, "sdedit", {"guidance_scale": 2.0})
        assert settings == {"n": 6, "seed": 0, "change": "", "examination": ("test", 6, "pictures"), "work": Work(3)}
        assert editor.half
        return CurveReport(
            model=editor.name, method="sdedit", pictures="paintings", dial=dial.option, change="", n=6, seed=0,
            points=tuple(CurvePoint(value=value, figures=figures) for value in dial.values), trends=figures,
            control=CurveControl(options={"since": 0.6}, figures=figures, against=0.4, gains=figures),
            judge="b@0", seconds_per_image=1.5,
        )  # fmt: skip

    monkeypatch.setattr(evaluate, "evaluate_curve", evaluate_curve)
    arguments = ("evaluate", "curve", "--method", "sdedit", "--guidance-scale", 2, "--n", 6, "--half", "--workers", 3)
    table = misen(*arguments, "--dial", "strength=0.4,0.9")
    head, success, psnr, *rest = table.out.splitlines()
    assert [head.count(column) for column in ("strength 0.4", "strength 0.9", "trend", "control: since 0.6")] == [1] * 4
    assert success.count("0.5 [0.25, 0.75]") == psnr.count("30 [29, 31]") == 5
    assert "judge              b@0" in rest
    assert len(misen(*arguments, "--json").json["points"]) == len(usual_dial("sdedit").values)
    assert misen("evaluate", "curve", "--method", "invert").code == 2


def test_recipes_of_subjects_are_measured(misen, monkeypatch):
    asked = []

    def measured(config, subjects, pictures, folder, work, watch):
        asked.append((config.recipe, config.model["prior"], subjects, pictures, work))
        watch(1)
        return {"identity": Figure(0.5, 0.25, 0.75, 3)}

    monkeypatch.setattr(evaluate_subjects, "evaluate", measured)
    config = INPUTS.parents[1] / "configs" / "diffusion" / "dreambooth.toml"
    arguments = ("--subjects", 3, "--pictures", 5, "--set", "model.prior=0", "--workers", 2)
    told = misen("evaluate", "subjects", config, *arguments, "--json").json
    assert asked == [("dreambooth", 0, 3, 5, Work(2))]
    assert told["figures"]["identity"] == {"value": 0.5, "low": 0.25, "high": 0.75, "n": 3}
    assert told["judge"].startswith("observer-b@")
    other = misen("evaluate", "subjects", config.with_name("diffusionclip.toml"))
    assert (other.code, "no recipe of subjects called 'diffusionclip'" in other.err) == (2, True)
    assert misen("evaluate", "subjects", config, "--subjects", 1).code == 2
