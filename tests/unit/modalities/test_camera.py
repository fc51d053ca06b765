"""Views: degrees outside, radians inside."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch

from misen.core.errors import FormatError, InputError
from misen.modalities.camera.encoder import CameraEncoder
from misen.modalities.camera.judge import CameraJudge
from misen.modalities.camera.signal import FOCAL, Camera
from misen.scene.sampling import DISTANCE


def test_degrees_become_radians_and_the_rest_is_usual() -> None:
    expected = torch.tensor([[math.radians(20), math.radians(5), 0.0, DISTANCE, FOCAL]])
    assert torch.equal(Camera(yaw=20, pitch=5).pose, expected)
    assert torch.equal(Camera.parse("yaw=20,pitch=5").pose, expected)
    assert Camera(yaw=20, pitch=5).describe() == ["yaw 20°, pitch 5°, roll 0°"]


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("yaw=200", "yaw must be degrees from -180 to 180, got 200"),
        ("pitch=nan", "pitch must be degrees from -90 to 90, got nan"),
        ("jaw=3", "a camera has no 'jaw'. did you mean 'yaw'?"),
        ("yaw=left", "yaw must be a number, got 'left'"),
        ("yaw=1,yaw=2", "yaw is given twice"),
        ("distance=0", "distance must be from 2 to 50, got 0"),
    ],
)
def test_mistakes_are_named_with_what_is_accepted(argument: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        Camera.parse(argument)
    assert words in str(caught.value)


@pytest.mark.parametrize("value", ["20", True, None, [20]])
def test_values_of_another_kind_are_refused(value: object) -> None:
    with pytest.raises(InputError, match="yaw must be a number"):
        Camera.from_json([{"yaw": value}])


def test_items_must_be_objects() -> None:
    with pytest.raises(FormatError):
        Camera.from_json([20])


def test_the_usual_view_is_the_middle_of_the_worlds(truth) -> None:
    lengths = CameraEncoder().encode(Camera.observe(truth, truth.record.seed), "vector").value[:, -2:]
    assert lengths.abs().max() <= 1.01
    assert CameraEncoder().encode(Camera(), "vector").value.abs().sum().item() == pytest.approx(3, abs=1e-4)


def test_judge_goes_the_short_way_round() -> None:
    seen = torch.tensor([[math.radians(-179), 0.0, math.radians(6)]])
    score = CameraJudge(lambda images: SimpleNamespace(camera=seen)).score(torch.zeros(1, 3, 64, 64), Camera(yaw=179))
    assert score.item() == pytest.approx((2 + 0 + 6) / 3, abs=1e-3)
