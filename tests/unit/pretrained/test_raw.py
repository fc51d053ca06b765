from __future__ import annotations

import numpy as np
import pytest
import torch

from misen import assembly, raw
from misen.core.errors import InputError, NotFoundError
from misen.core.signal import Signal

PIXELS = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)


def test_a_raw_picture_is_a_signal_of_any_size():
    signal = raw("sketch")(PIXELS)
    assert isinstance(signal, Signal)
    assert (signal.modality, signal.image.shape, len(signal)) == ("raw-sketch", (1, 3, 5, 7), 1)
    assert signal.describe() == ["a picture of 7x5"]
    assert signal.preview(16).shape == (1, 3, 16, 16)


def test_its_json_holds_all_of_it():
    signal = raw("depth")([PIXELS, 255 - PIXELS])
    again = assembly.signal_class("raw-depth").from_json(signal.to_json())
    assert type(again) is type(signal)
    assert torch.equal(again.image, signal.image)
    assert torch.equal(again[1].image, signal.image[1:])


def test_sizes_must_agree_and_modalities_exist():
    with pytest.raises(InputError, match="pictures must be of one size, got 7x4, 7x5"):
        raw("sketch")([PIXELS, PIXELS[:4]])
    with pytest.raises(NotFoundError, match="there is no modality called 'scent'"):
        assembly.signal_class("raw-scent")
