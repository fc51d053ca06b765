"""Measurements item by item: the same rows however they are shared, and none of them measured twice."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import pytest
import torch

from misen.core.errors import FormatError, InputError, StorageError, Unreachable
from misen.metrics.rows import Work

ABOUT = {"method": "sine", "steps": (1, 2)}


class Measure:
    """Squares, with who counted them; counts what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __call__(self, item: int) -> dict[str, object]:
        self.asked.append(item)
        return {"square": item**2, "process": os.getpid(), "threads": torch.get_num_threads()}


def squares(rows) -> list[int]:
    return [row["square"] for row in rows]


def test_rows_come_in_the_order_of_the_items():
    done: list[int] = []
    assert squares(Work().rows(Measure(), 4, ABOUT, done.append)) == [0, 1, 4, 9]
    assert done == [0, 1, 2, 3, 4]


def test_workers_measure_the_same_with_one_thread_each():
    measure = Measure()
    rows = Work(workers=2).rows(measure, 5, ABOUT)
    assert squares(rows) == [0, 1, 4, 9, 16]
    assert measure.asked == []
    assert os.getpid() not in {row["process"] for row in rows}
    assert {row["threads"] for row in rows} == {1}


@pytest.mark.parametrize("workers", [0, 1])
def test_what_a_caller_can_cause_arrives_whole(workers):
    def measure(item):
        raise Unreachable("it cannot", field="method", hint="try another")

    with pytest.raises(Unreachable, match=r"it cannot\. try another") as caught:
        Work(workers).rows(measure, 1, ABOUT)
    assert (caught.value.field, caught.value.hint) == ("method", "try another")


@pytest.mark.parametrize("workers", [0, 2])
def test_a_journal_is_continued(tmp_path, workers):
    path, measure = tmp_path / "rows.jsonl", Measure()
    first = Work(workers, path).rows(measure, 3, ABOUT)
    again, done = Measure(), []
    rows = Work(journal=path).rows(again, 5, ABOUT, done.append)
    assert (rows[:3], again.asked, done) == (list(first), [3, 4], [3, 4, 5])
    assert json.loads(path.read_text().splitlines()[0]) == {"about": {"method": "sine", "steps": [1, 2]}}
    assert squares(Work(journal=path).rows(again, 2, ABOUT)) == [0, 1]


def test_a_line_that_was_cut_short_is_measured_again(tmp_path):
    path, measure = tmp_path / "rows.jsonl", Measure()
    Work(journal=path).rows(measure, 3, ABOUT)
    path.write_bytes(path.read_bytes()[:-9])
    assert squares(Work(journal=path).rows(measure, 3, ABOUT)) == [0, 1, 4]
    assert measure.asked == [0, 1, 2, 2]
    assert squares(Work(journal=path).rows(Measure(), 3, ABOUT)) == [0, 1, 4]
    assert len(path.read_text().splitlines()) == 4


def test_infinity_is_kept(tmp_path):
    work = Work(journal=tmp_path / "rows.jsonl")
    work.rows(lambda item: {"psnr": math.inf}, 1, ABOUT)
    assert work.rows(Measure(), 1, ABOUT) == [{"psnr": math.inf}]


def test_what_is_no_journal_or_that_of_something_else_is_refused(tmp_path):
    path = tmp_path / "rows.jsonl"
    Work(journal=path).rows(Measure(), 1, ABOUT)
    with pytest.raises(InputError, match=r"rows\.jsonl is the journal of another .*: method 'sine', not 'ilvr'"):
        Work(journal=path).rows(Measure(), 1, {**ABOUT, "method": "ilvr"})
    before = path.read_text()
    for text in ("words\n", '{"n": 3}\n', before + '{"n": 3}\n', before + "[1]\n"):
        path.write_text(text)
        with pytest.raises(FormatError, match=r"rows\.jsonl is no journal"):
            Work(journal=path).rows(Measure(), 1, ABOUT)
        assert path.read_text() == text


def test_a_journal_needs_a_folder(tmp_path):
    for path in (tmp_path / "none" / "rows.jsonl", Path(tmp_path)):
        with pytest.raises(StorageError, match="cannot be used as a journal"):
            Work(journal=path).rows(Measure(), 1, ABOUT)
