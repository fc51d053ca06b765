"""Faces as numbers and as maps, and how a picture becomes one."""

from __future__ import annotations

import pytest
import torch

from misen.core.errors import InputError
from misen.generators.gan.talking import face as faces
from misen.generators.gan.talking.face import CHANNELS, MOUTH, POINTS, READ, Face, FaceEncoder
from misen.perception.observer import observer_a
from talkers import SIZE, some_faces
from toys import Tint


def test_numbers_and_back() -> None:
    face = some_faces()
    numbers = face.numbers()
    assert numbers.shape == (2, faces.width(SIZE)) == (2, 3 * SIZE**2 + READ)
    again = Face.of(numbers, SIZE)
    for name in ("picture", "points", "seen", "mouth"):
        assert torch.equal(getattr(again, name), getattr(face, name)), name
    assert torch.equal(face.findings(), numbers[:, -READ:])


def test_maps_are_the_pixels_and_the_points_that_can_be_seen() -> None:
    face = some_faces()
    maps = face.maps()
    assert maps.shape == (2, CHANNELS, SIZE, SIZE)
    assert torch.equal(maps[:, :3], face.picture)
    brightest = maps[:, 3:].flatten(2).argmax(dim=2)
    places = (face.points * SIZE).long()
    assert torch.equal(brightest, places[..., 1] * SIZE + places[..., 0])
    hidden = Face(face.picture, face.points, torch.zeros_like(face.seen), face.mouth)
    assert hidden.maps()[:, 3:].abs().max() == 0


def test_the_points_of_a_face_that_is_out_of_sight_stay_so() -> None:
    face = some_faces()
    elsewhere = face.heat(1 - face.points)
    assert (elsewhere.amax(dim=(2, 3)) <= face.seen + 1e-6).all()


def test_a_face_is_repeated_for_each_of_its_frames() -> None:
    face = some_faces().repeat(3)
    assert len(face.picture) == 6
    assert torch.equal(face.picture[0], face.picture[2])
    assert not torch.equal(face.points[2], face.points[3])


def test_a_picture_is_read_by_an_observer() -> None:
    torch.manual_seed(0)
    look = observer_a().eval()
    encoder, color = FaceEncoder(look, SIZE), Tint(torch.tensor([[0.5, -1.0, 0.0]]))
    condition = encoder.encode(color, "vector")
    assert condition.value.shape == (1, encoder.width("vector"))
    face = Face.of(condition.value, SIZE)
    assert torch.equal(face.picture, color.preview(SIZE))
    with torch.no_grad():
        reading = look(color.preview(SIZE))
    assert torch.equal(face.points, reading.landmarks)
    assert face.points.shape == (1, POINTS, 2)
    assert face.mouth.shape == (1, MOUTH)
    assert ((face.seen > 0) & (face.seen < 1)).all()
    assert ((face.mouth >= 0) & (face.mouth <= 1)).all()
    with pytest.raises(InputError, match="no map encoding"):
        encoder.encode(color, "map")
