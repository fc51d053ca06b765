from __future__ import annotations

import numpy as np
from PIL import Image

from misen.editing.methods.interpolate import Interpolate


def test_a_person_reads_a_short_name_of_the_other_picture(tmp_path):
    told = []
    for level in (0, 255, 0):
        Image.fromarray(np.full((8, 8, 3), level, np.uint8)).save(tmp_path / "other.png")
        told.append(str(Interpolate(other=str(tmp_path / "other.png"))))
    assert len(told[0]) == len("interpolate:other=picture 1a2b3c4d,share=0.5")
    assert told[0].startswith("interpolate:other=picture ")
    assert told[0] == told[2] != told[1]
    assert str(Interpolate()) == "interpolate:other=,share=0.5"
