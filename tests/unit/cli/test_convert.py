"""A single file becomes a folder that makes the same picture, or nothing is left."""

from __future__ import annotations

import pytest
import torch

import foreign
import original
from misen import app

PLAN = {"seed": 3, "num_inference_steps": 2}


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return foreign.plain(tmp_path_factory.mktemp("foreign") / "model")


@pytest.fixture(scope="module")
def file(source):
    return original.write(source, source.parent / "sd.safetensors")


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_the_folder_makes_the_same_picture(misen, source, file, tmp_path):
    made = misen("convert", file, "-o", tmp_path / "made", "--config", source, "--json")
    assert made.code == 0, made.err
    assert made.json["folder"] == str(tmp_path / "made")
    assert made.json["tensors"]["left out"] == 0
    before, after = (app.load(folder).synthesize("a red circle", **PLAN) for folder in (source, tmp_path / "made"))
    assert torch.equal(before.images[0].tensor, after.images[0].tensor)
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


def test_what_exists_is_kept_unless_it_may_be_replaced(misen, source, file, tmp_path):
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "letter.txt").write_text("dear")
    order = ("convert", file, "-o", tmp_path / "made", "--config", source)
    assert misen(*order).code == 5
    assert "something else than a model" in misen(*order, "--overwrite").err
    assert (tmp_path / "made" / "letter.txt").read_text() == "dear"
    (tmp_path / "made" / "model_index.json").write_text("{}")
    told = misen(*order, "--overwrite")
    assert told.code == 0, told.err
    assert "unet: " in told.out
    assert not (tmp_path / "made" / "letter.txt").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


def test_a_refusal_leaves_nothing_behind(misen, source, tmp_path):
    torch.save({"weight": torch.zeros(2)}, tmp_path / "sd.safetensors")
    refused = misen("convert", tmp_path / "sd.safetensors", "-o", tmp_path / "made", "--config", source)
    assert refused.code == 3
    assert "pickle refused" in refused.err
    assert [path.name for path in tmp_path.iterdir()] == ["sd.safetensors"]


def test_a_network_with_a_nan_is_refused(misen, source, tmp_path):
    poison = {"first_stage_model.quant_conv.bias": torch.full((8,), torch.nan)}
    file = original.write(source, tmp_path / "sd.safetensors", **poison)
    refused = misen("convert", file, "-o", tmp_path / "made", "--config", source)
    assert refused.code == 3
    assert "NaN" in refused.err
    assert not (tmp_path / "made").exists()


def test_usage(misen, source, file, tmp_path):
    assert misen("convert", source, "-o", tmp_path / "made").code == 2
    assert misen("convert", tmp_path / "none", "-o", tmp_path / "made").code == 2
    assert misen("convert", file, "-o", tmp_path / "made", "--config", "nobody/nothing").code == 2
    assert misen("convert", file, "-o", tmp_path / "no" / "made").code == 5
