"""Rows 25 to 30 of the table of faults, met at the command line; those of row 28 that need a process are elsewhere."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from misen.core import files

# --- row 25: options -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["generate", "--sketsh", "a.png"], "--sketch"),
        (["generate", "--guidance-scal", "3"], "--guidance-scale"),
        (["genrate"], "'generate'"),
        (["generate", "--recipe", "a.json", "--text", "a"], "--recipe cannot be combined with --text"),
        (["edit", "a.png", "--mask", "m.png", "--method", "sdedit"], "method sdedit cannot be combined with a mask"),
        (["generate", "--camera", "yaw=1", "--camera", "yaw=2"], "--camera is given 2 times"),
        (["generate", "--seed", "9" * 5000], "--seed"),
        (["generate", "--size", "0x0"], "width must be 64, got 0"),
        (["generate", "--attributes", "hair_colour=blue"], "did you mean 'hair_color'?"),
        (["generate", "--model", "x" * 5000], "there is no model"),
        (["edit", "x" * 5000], "File name too long"),
    ],
)
def test_row_25_options_that_are_unknown_or_contradict_each_other(misen, idle, arguments, complaint):
    outcome = misen(*arguments)
    assert (outcome.code, outcome.out) == (5 if "File name" in complaint else 2, "")
    assert complaint in outcome.err
    assert outcome.err.count("\n") == 1


def test_row_19_unreachable_guidance_leaves_with_four(misen):
    outcome = misen("generate", "--text", "a man:route=adapted")
    assert (outcome.code, outcome.out) == (4, "")
    assert "text cannot be followed (adapted: no adapter is loaded). native: attributes" in outcome.err


# --- rows 26 and 27: where pictures go -------------------------------------------------------------------------------


COMMANDS = [("generate", "-o"), ("edit", "--strength", "0.5", "-o"), ("world", "render", "-n", "1", "-o")]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
@pytest.mark.parametrize("place", ["missing", "a-file", "locked"])
def test_row_26_folders_that_cannot_take_pictures_are_refused_first(misen, idle, tmp_path, monkeypatch, command, place):
    (tmp_path / "a-file").touch()
    (tmp_path / "locked").mkdir()
    access = os.access
    allowed = lambda path, mode: mode == os.F_OK or Path(path).name != "locked"  # noqa: E731
    monkeypatch.setattr(os, "access", lambda path, mode: allowed(path, mode) and access(path, mode))
    source = tmp_path / "face.png"
    Image.new("RGB", (64, 64)).save(source)
    name = "avatars" if command[0] == "world" else "a.png"
    outcome = misen(command[0], *([source] if command[0] == "edit" else []), *command[1:], tmp_path / place / name)
    assert (outcome.code, outcome.out) == (5, "")
    assert place in outcome.err
    assert not list((tmp_path / "locked").iterdir())


@pytest.mark.parametrize(("name", "why"), [("a" * 250, "the limit is 200"), ("é" * 110, "the limit is 200")])
def test_row_26_a_name_too_long_is_refused_first(misen, idle, tmp_path, name, why):
    outcome = misen("generate", "-o", tmp_path / f"{name}.png")
    assert outcome.code == 5
    assert why in outcome.err
    assert misen("generate", "-o", tmp_path / ("a" * 300) / "a.png").code == 5


def test_row_26_a_full_disk_leaves_nothing_partial_and_keeps_what_is_finished(misen, tmp_path, monkeypatch):
    flush, written = files._flush, []

    def fill_up(path: Path, data: bytes) -> None:
        written.append(path)
        flush(path, data[: len(data) // len(written)])
        if len(written) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files, "_flush", fill_up)
    outcome = misen("generate", "-n", 3, "--steps", 2, "-o", tmp_path / "a.png")
    assert outcome.code == 5
    assert "a-1.png' cannot be written (" in outcome.err
    assert "No space left on device" in outcome.err
    assert [path.name for path in tmp_path.iterdir()] == ["a-0.png"]
    Image.open(tmp_path / "a-0.png").load()


def test_row_26_a_disk_that_lies_about_its_permissions(misen):
    outcome = misen("generate", "--steps", 2, "-o", "/proc/a.png")
    assert (outcome.code, outcome.out) == (5, "")
    assert "'/proc/a.png' cannot be written" in outcome.err


def test_row_27_what_exists_is_kept(misen, idle, tmp_path):
    for name in ("a.png", "b-1.png"):
        (tmp_path / name).write_bytes(b"mine")
    for arguments in (("-o", tmp_path / "a.png"), ("-n", 3, "-o", tmp_path / "b.png")):
        outcome = misen("generate", *arguments)
        assert (outcome.code, "exists" in outcome.err) == (5, True)
    assert all((tmp_path / name).read_bytes() == b"mine" for name in ("a.png", "b-1.png"))


def test_row_27_what_appears_meanwhile_is_kept(misen, tmp_path, monkeypatch):
    from misen.app import Model

    fulfil = Model.fulfil

    def interfere(*arguments, **settings):
        (tmp_path / "a.png").write_bytes(b"mine")
        return fulfil(*arguments, **settings)

    monkeypatch.setattr(Model, "fulfil", interfere)
    assert misen("generate", "--steps", 2, "-o", tmp_path / "a.png").code == 5
    assert (tmp_path / "a.png").read_bytes() == b"mine"


# --- row 28: Ctrl-C --------------------------------------------------------------------------------------------------


@pytest.fixture
def interruptible():
    """Ctrl-C is heard, as at a terminal; programs in the background of a shell are born deaf to it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("moment", [1, 5, 6, 7])
def test_row_28_after_ctrl_c_nothing_more_is_predicted(misen, model, tmp_path, monkeypatch, moment):
    predict, predicted = type(model.opened.generator).predict, []

    def interrupted(*question):
        predicted.append(question)
        if len(predicted) == moment:
            signal.raise_signal(signal.SIGINT)
        return predict(*question)

    monkeypatch.setattr(type(model.opened.generator), "predict", interrupted)
    outcome = misen("generate", "-n", 3, "--steps", 3, "-o", tmp_path / "a.png")
    assert (outcome.code, outcome.out) == (130, "")
    assert outcome.err == "misen: interrupted; what was finished is kept\n"
    assert len(predicted) == moment
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"a-{k}.png" for k in range((moment - 1) // 3)]


# --- row 29: nobody reads --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["| head -c 1", ">&-", "> /dev/full"])
def test_row_29_standard_output_that_takes_nothing(target):
    command = f"{sys.executable} -m misen generate --help {target}; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    assert done.returncode == (5 if "full" in target else 0)
    assert ("No space left" in done.stderr) if "full" in target else (done.stderr == "")


# --- row 30: configurations ------------------------------------------------------------------------------------------


HEAD = '{"model": {"name": "avatars/diffusion"},\n'


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        (HEAD + '"guidance": []}', "r.json:2: unknown key 'guidance'. did you mean 'guidances'?"),
        (HEAD + '"seeds": [1],\n"steps": 2,\n"seeds": [2]}', "r.json:3: unknown key 'steps'"),
        (HEAD + '"seeds": [1],\n"seeds": [2]}', "r.json:3: the key 'seeds' is given twice"),
        ('{"model": {"name": "a",\n"name": "b"}}', "r.json:2: the key 'name' is given twice"),
        (
            HEAD + '"guidances": [{"modality": "text",\n"contents": []}]}',
            "r.json:2: guidances.0.content: field required",
        ),
        (HEAD + '"canvas": {"image": "",\n"strenght": 1}}', "r.json:3: unknown key 'canvas.strenght'"),
        (HEAD + '"guidance_scale": NaN}', "r.json:2: guidance_scale"),
        (HEAD + '"seeds": [-1]}', "seed must be a whole number"),
        (HEAD + '"seeds": [' + "9" * 5000 + "]}", "r.json: document: Invalid JSON"),
        ("[" * 100_000, "r.json: document: Invalid JSON: recursion limit exceeded"),
        ("!!python/object/apply:os.system [ls]", "r.json: document: Invalid JSON"),
        ("[]", "r.json:1: document"),
        ("\ufeff{}", "r.json"),
        ("", "r.json"),
    ],
)
def test_row_30_recipes(misen, idle, tmp_path, document, complaint):
    (tmp_path / "r.json").write_text(document)
    outcome = misen("generate", "--recipe", tmp_path / "r.json", "-o", tmp_path / "a.png")
    assert (outcome.code, outcome.out) == (2, "")
    assert complaint in outcome.err


def test_row_30_equal_keys_of_different_objects_are_no_repetition(misen, tmp_path):
    words = [{"modality": "text", "content": [{"text": f'a "{part}", {{"text": 1}}'}]} for part in ("hat", "beard")]
    recipe = {"model": {"name": "avatars/diffusion"}, "guidances": words, "num_inference_steps": 2}
    (tmp_path / "r.json").write_text(json.dumps(recipe))
    assert misen("generate", "--recipe", tmp_path / "r.json", "-o", tmp_path / "a.png").code == 0


START = 'name = "a"\nrecipe = "joint"\nsteps = 1\n'


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (START + "learning = 3", "c.toml:4: unknown key 'learning'; accepted: name, recipe, seed, batch_size"),
        (START + "warmpu = 3", "c.toml:4: unknown key 'warmpu'; did you mean 'warmup'?"),
        (START + "steps = 2", "c.toml:4: this key was given before"),
        (START + "lr = nan", "c.toml:4: lr must be a finite number, got nan"),
        (START + "lr = inf", "c.toml:4: lr must be a finite number, got inf"),
        (START + "seed = " + "9" * 5000, "c.toml:"),
        (START + "betas = " + "[" * 5000, "c.toml: tables or lists are nested too deeply"),
        ("!!python/object/apply:os.system [ls]", "c.toml:1"),
        ("name: a\nsteps: 1\n", "c.toml:1"),
        ("name = \x00", "c.toml:1"),
    ],
)
def test_row_30_training_configurations(misen, tmp_path, text, complaint):
    (tmp_path / "c.toml").write_text(text)
    outcome = misen("train", tmp_path / "c.toml", "-o", tmp_path / "run")
    assert (outcome.code, outcome.out) == (2, "")
    assert complaint in outcome.err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("change", ["lr=nan", "lr", "=3", "lr=" + "9" * 5000, "lr=" + "[" * 5000, "name.a=1"])
def test_row_30_changes_of_a_configuration(misen, tmp_path, change):
    (tmp_path / "c.toml").write_text(START)
    outcome = misen("train", tmp_path / "c.toml", "-o", tmp_path / "run", "--set", change)
    assert (outcome.code, outcome.out) == (2, "")
    assert "--set" in outcome.err


def test_configurations_that_cannot_be_read(misen, tmp_path):
    assert misen("train", tmp_path / "missing.toml").code == 2
    assert misen("train", tmp_path).code == 2
    assert misen("train", tmp_path / ("a" * 300)).code == 5
