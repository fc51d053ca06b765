from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from misen.app import render_world
from misen.core.errors import InputError, StorageError
from misen.core.registry import stills


def test_pictures_and_their_lines(tmp_path):
    seen = []
    listing = render_world(3, tmp_path / "out", seed=5, callback=seen.append)
    rows = [json.loads(line) for line in listing.read_text("utf-8").splitlines()]
    assert [row["file_name"] for row in rows] == ["00000005.png", "00000006.png", "00000007.png"]
    assert np.asarray(Image.open(tmp_path / "out" / "00000006.png")).shape == (64, 64, 3)
    assert seen == [3]


def test_every_modality_that_a_picture_can_show_is_written(tmp_path):
    listing = render_world(1, tmp_path / "out", all_modalities=True)
    [row] = [json.loads(line) for line in listing.read_text("utf-8").splitlines()]
    for name, modality in stills().items():
        signal = modality.signal.from_json([row[name]])
        previewed = (tmp_path / "out" / f"00000000-{name}.png").is_file()
        assert previewed == (signal.preview(64) is not None)


def test_refusals(tmp_path):
    render_world(1, tmp_path / "out")
    with pytest.raises(StorageError, match="exists"):
        render_world(1, tmp_path / "out")
    with pytest.raises(InputError, match="size must be one of"):
        render_world(1, tmp_path / "out", size=65)
    with pytest.raises(StorageError, match="there is no folder"):
        render_world(1, tmp_path / "missing" / "out")
