"""What is measured of per-subject tuning, on made-up sittings."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch.nn import functional

from misen.core.errors import InputError
from misen.metrics.rows import Work
from misen.recipes import evaluate_subjects as measure
from misen.recipes.evaluate_subjects import HIDDEN, SHOWN, WISHES, Sitting, figures, views
from misen.scene.attributes import BY_KEY, COLUMN, KEYS
from misen.scene.splits import TEST
from misen.training.config import parse_config

SUBJECTS, MADE = 6, 5
ROW = [((count, 64), torch.float32) for count in (MADE, SHOWN, HIDDEN)] + [((), torch.float64)] * 4
CONFIG = 'name = "x"\nrecipe = "dreambooth"\nsteps = 1'


def sittings(*, alike: float, obeyed: float = 0.75, varied: float = 1.0) -> Sitting:
    """Subjects at right angles; pictures made lie between the subject (1) and a direction of nobody (0)."""
    people = torch.eye(SUBJECTS, 64)[:, None]
    nobody = torch.eye(64)[-1]
    made = functional.normalize(alike * people + (1 - alike) * nobody, dim=2).expand(-1, MADE, -1)
    full = torch.full((SUBJECTS,), 1.0)
    return Sitting(
        made, people.expand(-1, 4, -1), people.expand(-1, 4, -1), obeyed * full, 0.5 * full, full, varied * full
    )


@pytest.mark.parametrize(("alike", "expected"), [(1.0, 1.0), (0.0, 0.0)])
def test_identity_lies_between_others_and_the_subject_itself(alike, expected):
    measured = figures(sittings(alike=alike))
    assert measured["identity"].value == pytest.approx(expected, abs=1e-6)
    assert measured["identity"].n == SUBJECTS


def test_obedience_lies_between_chance_and_the_renderer():
    assert figures(sittings(alike=1.0, obeyed=0.75))["prompts obeyed"].value == pytest.approx(0.5)
    assert figures(sittings(alike=1.0, obeyed=0.75))["prompts obeyed, share"].value == pytest.approx(0.75)


def test_diversity_is_a_share_of_the_base():
    assert figures(sittings(alike=1.0, varied=0.8))["diversity of the class"].value == pytest.approx(0.8)


def test_views_differ_in_pose_alone():
    record = TEST.records(3, 1)
    several = views(record, 4)
    assert torch.equal(several.identity, record.identity.expand(4, -1))
    kept = [column for column, key in enumerate(KEYS) if key != "expression"]
    assert torch.equal(several.attributes[:, kept], record.attributes[:, kept].expand(4, -1))
    assert len(several.camera[:, 0].unique()) == 4


def test_wishes_are_values_of_the_world():
    assert all(value in BY_KEY[key].values for _, key, value in WISHES)


class Painter:
    """Makes what its prompts say visible to the judge below, by the number of the wish."""

    opened = SimpleNamespace(sha256="ab" * 32)

    def running(self, config):
        return self

    def make(self, prompts, seeds):
        numbers = [next((i for i, (words, *_) in enumerate(WISHES) if prompt.endswith(words)), 9) for prompt in prompts]
        return torch.tensor(numbers, dtype=torch.float32)[:, None, None, None].expand(-1, 3, 64, 64)


def look(images):
    """Reads the number of a wish, and sees what was wished and nothing else."""
    numbers = images[:, 0, 0, 0].long().tolist()

    def log_probability(column):
        wished = {i: BY_KEY[key].index(value) for i, (_, key, value) in enumerate(WISHES) if COLUMN[key] == column}
        width = len(BY_KEY[KEYS[column]])
        return torch.stack([functional.one_hot(torch.tensor(wished.get(n, 0)), width).float() for n in numbers])

    noise = torch.randn(len(images), 2, 8, 8, generator=torch.Generator().manual_seed(len(images)))
    return SimpleNamespace(identity=torch.eye(64)[: len(images)], log_probability=log_probability, pyramid=(noise,))


def test_one_subject_is_measured_from_end_to_end(monkeypatch, tmp_path):
    told = []

    def train(config, folder):
        told.append((config.data["folder"], sorted(path.name for path in Path(config.data["folder"]).iterdir())))
        (folder / "adapter").mkdir()

    monkeypatch.setattr(measure.tune_dreambooth, "train", train)
    monkeypatch.setattr(measure, "open_tuned", lambda folder: Painter())
    monkeypatch.setattr(measure, "open_base", lambda name: Painter())
    monkeypatch.setattr(measure.judge, "observer", lambda: look)
    monkeypatch.setattr(
        measure,
        "render",
        lambda record: torch.arange(len(record)).float().view(-1, 1, 1, 1) + torch.zeros(1, 3, 64, 64),
    )
    done, journal = [], tmp_path / "rows.jsonl"
    measured = measure.evaluate(parse_config(CONFIG), 2, 5, tmp_path / "runs", Work(journal=journal), done.append)
    assert done == [0, 1, 2]
    assert [names for _, names in told] == [[f"{k}.png" for k in range(SHOWN)]] * 2
    assert measured["prompts obeyed, share"].value == pytest.approx(1.0)
    assert measured["prompts obeyed"].value == pytest.approx(1.0)
    assert measured["diversity of the class"].value == pytest.approx(1.0)
    assert SHOWN + HIDDEN == 8
    changed = parse_config(CONFIG, overrides=["threads=1", 'data.folder="elsewhere"'])
    again = measure.evaluate(changed, 2, 5, tmp_path / "runs", Work(journal=journal))
    assert (again, len(told)) == (measured, 2)
    with pytest.raises(InputError, match="journal of another measurement: pictures 5, not 4"):
        measure.evaluate(changed, 2, 4, tmp_path / "runs", Work(journal=journal))


def test_a_sitting_is_a_row():
    sitting = Sitting(*(torch.rand(shape, dtype=dtype) for shape, dtype in ROW))
    again = Sitting.of(json.loads(json.dumps(sitting.row())))
    assert all(torch.equal(getattr(again, field.name), getattr(sitting, field.name)) for field in fields(Sitting))
