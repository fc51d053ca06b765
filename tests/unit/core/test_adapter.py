from __future__ import annotations

import pytest

import misen
from misen.core.errors import InputError


def test_an_adapter_is_a_path_with_options():
    adapter = misen.Adapter("control", modality="sketch", strength=0.5, window=(0, 0.5))
    assert (adapter.path, adapter.modality, adapter.sha256) == ("control", "sketch", "")
    assert misen.Adapter("lora.safetensors") == misen.Adapter("lora.safetensors", strength=1.0, window=(0.0, 1.0))


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"strength": float("nan")}, "strength must be a finite number, got nan"),
        ({"window": (0.5, 0.5)}, "window must satisfy 0 <= start < end <= 1"),
    ],
)
def test_senseless_options_are_refused(options, complaint):
    with pytest.raises(InputError, match=complaint):
        misen.Adapter("control", **options)
