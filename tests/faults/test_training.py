"""Rows 53 to 56 of the table of faults: what stops a training run, and what is kept."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import nn

from misen.core import files
from misen.core.errors import Cancelled, FormatError, NotFoundError, StorageError, TrainingError
from misen.data.pictures import PictureData
from misen.data.samples import Samples
from misen.recipes import train_pictures
from misen.training import Callback, CheckpointFolder, Outcome, Trainer
from misen.training.config import parse_config

# --- row 53: data -----------------------------------------------------------------------------------------------------


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Six good rows."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    rows = [{"file_name": f"{number}.png", "text": f"head {number}"} for number in range(6)]
    for row in rows:
        Image.new("RGB", (8, 8), "red").save(folder / row["file_name"])
    (folder / "metadata.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return folder


def spoil(folder: Path) -> list[str]:
    """Add rows that are bad in every way; what the messages must say about each."""
    (folder / "broken.png").write_bytes((folder / "0.png").read_bytes()[:40])
    (folder / "empty.png").touch()
    bad = {
        '{"file_name": "broken.png", "text": "a"}': "metadata.jsonl:7: broken.png is truncated or corrupt",
        '{"file_name": "empty.png", "text": "a"}': "metadata.jsonl:8: empty.png is not a picture",
        '{"text": "a caption without a picture"}': "metadata.jsonl:9: file_name is missing",
        '{"file_name": "gone.png", "text": "a"}': "metadata.jsonl:10: there is no file 'gone.png'",
        '{"file_name": "0.png", "text": "again"}': "metadata.jsonl:11: file_name '0.png' was given before, in line 1",
        '{"file_name": "1.png"': "metadata.jsonl:12: not JSON",
        '{"file_name": "../0.png", "text": "a"}': "metadata.jsonl:13: file_name '../0.png' leads out of the folder",
        '{"file_name": "a\\u0000.png", "text": "a"}': "metadata.jsonl:14: there is no file 'a\\x00.png'",
        json.dumps({"file_name": "a" * 300, "text": "a"}): "metadata.jsonl:15: there is no file 'aaa",
        "[" * 100_000: "metadata.jsonl:16: not JSON",
        '{"file_name": "empty.jpg", "text": 7}': "metadata.jsonl:17: ",
        "[]": "metadata.jsonl:18: a row must be an object, got list",
    }
    with (folder / "metadata.jsonl").open("a") as listing:
        listing.write("".join(f"{row}\n" for row in bad))
    return list(bad.values())


def test_row_53_all_bad_rows_are_listed_before_the_first_step(refused, pictures):
    expected = spoil(pictures)
    message = str(refused(FormatError, Samples.read, pictures, 16, {"text": "text"}))
    assert f"{len(expected)} of {6 + len(expected)} rows of {pictures} are bad:" in message
    assert [words for words in expected if words not in message] == []
    assert "set data.skip_bad" in message


def test_row_53_bad_rows_can_be_skipped_counted_and_named(pictures):
    expected = spoil(pictures)
    with pytest.warns(UserWarning, match=f"left out: {len(expected)} of ") as told:
        samples = Samples.read(pictures, 16, {"text": "text"}, skip_bad=True)
    assert len(samples) == 6
    assert len(samples.bad) == len(expected)
    assert [words for words in expected if words not in str(told[0].message)] == []


def test_row_53_the_command_line_lists_them_and_can_skip_them(misen, pictures, tmp_path, monkeypatch):
    def read(config, folder, **_):
        samples = config.section("data", PictureData).read(16, folder)
        return Outcome(0, len(samples), 0.0, "steps", folder, {})

    monkeypatch.setattr(train_pictures, "train", read)
    expected, config = spoil(pictures), tmp_path / "own.toml"
    config.write_text('name = "own"\nrecipe = "pictures"\nsteps = 1\n[data]\ncolumns = { text = "text" }\n')
    command = ("train", config, "--set", f"data.folder={pictures}", "-o", tmp_path / "run")
    stopped = misen(*command)
    assert (stopped.code, stopped.out) == (2, "")
    assert [words for words in (*expected, "--skip-bad") if words not in stopped.err] == []
    with pytest.warns(UserWarning, match=f"left out: {len(expected)} of "):
        skipped = misen(*command, "--skip-bad", "--json")
    assert (skipped.code, json.loads(skipped.out)["samples"]) == (0, 6)


@pytest.mark.parametrize("name", ["empty", "missing"])
def test_row_53_a_folder_without_pictures(refused, tmp_path, name):
    (tmp_path / "empty").mkdir()
    refused(NotFoundError, Samples.read, tmp_path / name, 16, {})


# --- rows 54 to 56: runs ----------------------------------------------------------------------------------------------


class Learner:
    """Fits a line; its loss is NaN at some steps."""

    name = "learner"

    def __init__(self, *bad: int) -> None:
        torch.manual_seed(0)
        self.module, self.bad = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 1)), bad

    def loss(self, batch, step):
        loss = (self.module(batch["x"]) - batch["x"].sum(1, keepdim=True)).square().mean()
        return loss * (float("nan") if step in self.bad else 1.0), {}


def batches(step: int) -> dict[str, torch.Tensor]:
    return {"x": torch.randn(4, 4, generator=torch.Generator().manual_seed(step))}


def trainer(folder: Path, *overrides: str, bad: tuple[int, ...] = (), callbacks=()) -> Trainer:
    text = 'name = "line"\nbatch_size = 4\nsteps = 12\nwarmup = 2\nprecision = "fp32"\nlog_every = 1\nskip_limit = 2\n'
    text += "checkpoint_minutes = 1e-9"
    config = parse_config(text, "line.toml", overrides)
    return Trainer([Learner(*bad)], batches, config, folder=folder, callbacks=callbacks)


def state(folder: Path) -> dict[str, torch.Tensor]:
    return dict(CheckpointFolder(folder / "checkpoints").newest().tensors)


def test_row_54_a_rare_nan_is_skipped_and_counted(tmp_path):
    assert trainer(tmp_path, bad=(3, 7, 8)).run().skipped == 3
    assert all(tensor.isfinite().all() for tensor in state(tmp_path).values())


def test_row_54_a_lasting_nan_stops_with_step_and_rate_and_the_last_good_checkpoint(refused, tmp_path):
    message = str(refused(TrainingError, trainer(tmp_path, bad=tuple(range(5, 12))).run))
    assert "not finite at step 8 and the 2 before, at learning rate 0.0003" in message
    newest = CheckpointFolder(tmp_path / "checkpoints").newest()
    assert newest.manifest["step"] == 5
    assert all(tensor.isfinite().all() for tensor in newest.tensors.values())


def test_row_54_an_absurd_learning_rate(refused, tmp_path):
    settings = ("lr=1e30", "warmup=0", "grad_clip=1e30", "steps=200")
    error = refused(TrainingError, trainer(tmp_path, *settings).run)
    assert "at learning rate 1e+30" in error.message
    assert CheckpointFolder(tmp_path / "checkpoints").newest() is not None


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EACCES])
@pytest.mark.parametrize("call", ["os.fsync", "pathlib.Path.replace", "pathlib.Path.open"])
def test_row_55_a_save_that_fails_anywhere_keeps_the_previous_checkpoint(refused, tmp_path, monkeypatch, call, code):
    class Fail(Callback):
        def stepped(self, running):
            if running.step == 6:
                fault = OSError(code, os.strerror(code))
                monkeypatch.setattr(call, lambda *_, **__: (_ for _ in ()).throw(fault))

    message = str(refused(StorageError, trainer(tmp_path, callbacks=[Fail()]).run))
    monkeypatch.undo()
    assert os.strerror(code) in message
    assert "bytes" in message
    assert CheckpointFolder(tmp_path / "checkpoints").newest().manifest["step"] == 5
    assert not list((tmp_path / "checkpoints").glob(".*"))


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_row_55_a_save_cut_off_at_any_byte_is_neither_used_nor_kept(tmp_path, monkeypatch, share):
    """As after SIGKILL or power loss: what was written stays, under its temporary name."""

    class Killed(BaseException):
        pass

    flush = files._flush

    def cut(path: Path, data: bytes) -> None:
        if "step-000000006" in path.name:
            flush(path, data[: int(share * len(data))])
            monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)
            raise Killed
        flush(path, data)

    monkeypatch.setattr(files, "_flush", cut)
    with pytest.raises(Killed):
        trainer(tmp_path / "cut").run()
    monkeypatch.undo()
    assert len(list((tmp_path / "cut" / "checkpoints").glob(".*.partial"))) == 1
    trainer(tmp_path / "cut").run(resume=True)
    assert not list((tmp_path / "cut" / "checkpoints").glob(".*"))
    trainer(tmp_path / "whole").run()
    assert_equal(state(tmp_path / "cut"), state(tmp_path / "whole"))


class StopAt(Callback):
    def __init__(self, step: int) -> None:
        self.step = step

    def stepped(self, running: Trainer) -> None:
        if running.step == self.step:
            running.save()
            raise Cancelled("stopped")


@pytest.mark.parametrize("step", range(1, 12, 2))
def test_row_56_a_run_resumed_at_any_step_ends_bit_identical(tmp_path, step):
    trainer(tmp_path / "whole").run()
    with pytest.raises(Cancelled):
        trainer(tmp_path / "parts", callbacks=[StopAt(step)]).run()
    torch.manual_seed(step)
    trainer(tmp_path / "parts").run(resume=True)
    assert_equal(state(tmp_path / "parts"), state(tmp_path / "whole"))


def assert_equal(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> None:
    """Weights, moments, averages and counters, bit for bit."""
    assert first.keys() == second.keys()
    assert len({name.split("/")[1].split(".")[0] for name in first}) >= 3
    assert all(torch.equal(first[name], second[name]) for name in first)
