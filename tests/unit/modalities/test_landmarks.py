"""Points: 32 of them, each in the picture or open."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from misen.core.errors import FormatError, InputError
from misen.core.view import View
from misen.modalities.landmarks.encoder import LandmarksEncoder
from misen.modalities.landmarks.energy import LandmarksEnergy
from misen.modalities.landmarks.judge import LandmarksJudge
from misen.modalities.landmarks.signal import Landmarks
from misen.scene.anatomy import LANDMARKS

FACE = [[0.5, i / 40] for i in range(32)]


def test_lists_names_and_files_say_the_same(tmp_path: Path) -> None:
    path = tmp_path / "points.json"
    path.write_text(json.dumps([[0.25, 0.75], *[None] * 31]))
    for signal in (Landmarks.parse(str(path)), Landmarks({LANDMARKS[0]: (0.25, 0.75)})):
        assert signal.points[0, 0].tolist() == [0.25, 0.75]
        assert signal.given.sum() == 1


@pytest.mark.parametrize(
    ("points", "words"),
    [
        (FACE[:31], "landmarks must be 32 points, got 31"),
        ([[0.5, 0.5]] * 68, "landmarks must be 32 points, got 68"),
        ([*FACE[:5], [float("nan"), 0.5], *FACE[6:]], "landmark 5 (right brow outer) is not a number"),
        ([*FACE[:31], [1.5, 0.5]], "landmark 31 (forehead) lies outside the picture: [1.5, 0.5]"),
        ([[0.5], *FACE[1:]], "landmark 0 (left brow outer) must be [x, y] or null"),
        ([3, *FACE[1:]], "landmark 0 (left brow outer) must be [x, y] or null, got 3"),
        ({"chin tip": [0.5, 0.9]}, "no landmark 'chin tip'. did you mean 'chin'?"),
        ("face", "landmarks must be a list of points, got str"),
    ],
)
def test_mistakes_are_named_with_their_place(points: object, words: str) -> None:
    with pytest.raises(InputError) as caught:
        Landmarks(points)
    assert words in str(caught.value)


def test_items_must_hold_points() -> None:
    with pytest.raises(FormatError):
        Landmarks.from_json([FACE])


def test_hidden_points_are_never_told(truth) -> None:
    signal = Landmarks.observe(truth, torch.arange(len(truth)))
    assert not (signal.given & ~truth.observation.landmarks_visible).any()
    assert torch.equal(signal.points[signal.given], truth.observation.landmarks[signal.given])
    assert signal.points[~signal.given].eq(0).all()


def test_heat_has_its_middle_at_the_point_and_a_spread_of_one_and_a_half_pixels() -> None:
    x, y = (20 + 0.5) / 64, (40 + 0.5) / 64
    heat = LandmarksEncoder().encode(Landmarks([[x, y], *[None] * 31]), "map").value[0]
    assert heat[0, 40, 20] == 1
    assert heat[0, 40, 23].item() == pytest.approx(torch.tensor(-9 / 4.5).exp().item(), rel=1e-5)
    assert heat[1:].eq(0).all()


def test_tokens_of_open_points_are_masked() -> None:
    condition = LandmarksEncoder().encode(Landmarks([[0.5, 0.5], *[None] * 31]), "tokens")
    assert condition.mask.sum() == 1
    assert condition.value[0, 1:].eq(0).all()


def test_energy_and_judge_measure_pixels_over_given_points() -> None:
    signal = Landmarks([[0.5, 0.5], [0.5, 0.5], *[None] * 30])
    seen = torch.full((1, 32, 2), 0.5)
    seen[0, 0, 0] += 3 / 64
    seen[0, 5] = 0.0
    look, view = (lambda images: SimpleNamespace(landmarks=seen)), View(torch.zeros(1, 3, 64, 64))
    assert LandmarksEnergy(look).begin(signal, view)(view).item() == pytest.approx(4.5)
    assert LandmarksJudge(look).score(view.image, signal).item() == pytest.approx(1.5)
