from __future__ import annotations

import math
from dataclasses import fields, replace

import pytest
import torch

from misen.scene.anatomy import CLASSES, LANDMARKS
from misen.scene.attributes import COLUMN
from misen.scene.camera import orbit, project
from misen.scene.head import build_head
from misen.scene.observation import Observation
from misen.scene.observe import DEPTH_RANGE, SURFACE_SCALE, observe
from misen.scene.record import Record
from misen.scene.renderer import render, template
from misen.scene.sampling import sample

PLAIN = {
    "hat": "none", "glasses": "none", "facial_hair": "none", "earrings": "none", "hair_style": "short", "age": "adult",
    "presentation": "neutral", "expression": "neutral", "skin_tone": "light", "hair_color": "brown",
}


def portrait(yaw: float = 0.0, **values: str) -> Record:
    """One plain frontal avatar with some values changed."""
    record = sample(torch.tensor([5]))
    for key, value in {**PLAIN, **values}.items():
        record = record.with_attribute(key, value)
    camera = record.camera.clone()
    camera[:, :3] = torch.tensor([yaw, 0.0, 0.0])
    return replace(record, camera=camera, identity=0 * record.identity, expression=0 * record.expression)


def visible(key: str, yaw: float = 0.0, **values: str) -> bool:
    return bool(observe(portrait(yaw, **values)).attributes_visible[0, COLUMN[key]])


BATCH = sample(torch.arange(20, 28))
SEEN = observe(BATCH)


def test_shapes_and_ranges() -> None:
    assert SEEN.image.shape == (8, 3, 64, 64)
    assert SEEN.image.abs().max() <= 1
    assert SEEN.alpha.min() == 0
    assert SEEN.alpha.max() == 1
    assert SEEN.segmentation.max() < len(CLASSES)
    assert SEEN.surface.abs().max() <= 1
    assert SEEN.landmarks.shape == (8, len(LANDMARKS), 2)
    for field in fields(Observation):
        assert getattr(SEEN, field.name).isfinite().all()


def test_the_maps_agree_on_what_is_background() -> None:
    empty = SEEN.segmentation == 0
    assert torch.equal(empty, SEEN.part == 0)
    assert torch.equal(empty, SEEN.depth[:, 0] == 0)
    assert torch.equal(empty, SEEN.normals.norm(dim=1) < 0.5)
    assert ((SEEN.alpha[:, 0] > 0.5) & empty).sum() == 0


def test_a_picture_does_not_depend_on_its_batch() -> None:
    alone = observe(BATCH[3])
    assert torch.allclose(alone.image, SEEN.image[3:4], atol=2e-3)
    assert (alone.segmentation == SEEN.segmentation[3:4]).float().mean() > 0.999


def test_rendering_alone_gives_the_observed_image() -> None:
    assert torch.allclose(render(BATCH[:2]), SEEN.image[:2], atol=2e-3)


def test_a_larger_picture_is_the_same_picture() -> None:
    large = torch.nn.functional.avg_pool2d(render(BATCH[:2], size=128), 2)
    assert (large - SEEN.image[:2]).abs().mean() < 0.02


def test_surface_coordinates_name_the_same_point_in_two_views() -> None:
    record = orbit(portrait(), torch.tensor([-0.3, 0.3]))
    seen, head = observe(record), build_head(record)
    centres, maps = template()
    for view in range(2):
        row, column = (seen.part[view] > 0).nonzero().T
        part = seen.part[view, row, column].long() - 1
        offset = seen.surface[view, :, row, column].T * SURFACE_SCALE - centres[part]
        local = torch.linalg.solve(maps[part], offset[..., None])[..., 0]
        points = head.points(part, local[None].expand(2, -1, -1))
        places, depth = project(record.camera, points)
        here = torch.stack((column + 0.5, row + 0.5), dim=-1)
        assert (places[view] * 64 - here).abs().max() < 1.0, "the point lies under its own pixel"
        distance = record.camera[view, 3] + DEPTH_RANGE - 2 * DEPTH_RANGE * seen.depth[view, 0, row, column]
        assert (distance - depth[view]).abs().max() < 2e-2, "and at its own depth"
        other = 1 - view
        x, y = (places[other] * 64).long().clamp(0, 63).unbind(-1)
        there = record.camera[other, 3] + DEPTH_RANGE - 2 * DEPTH_RANGE * seen.depth[other, 0, y, x]
        unhidden = (there - depth[other]).abs() < 0.03
        agreement = (seen.surface[other, :, y, x].T - seen.surface[view, :, row, column].T).norm(dim=-1)[unhidden]
        assert unhidden.float().mean() > 0.5
        assert agreement.quantile(0.9) * SURFACE_SCALE < 1.5 * 3.56 / 64 * 1.5, "1.5 px in the other view"


@pytest.mark.parametrize(
    ("key", "values", "expected"),
    [
        ("eye_color", {}, True),
        ("eye_color", {"glasses": "sunglasses"}, False),
        ("eye_color", {"glasses": "round"}, True),
        ("hair_color", {}, True),
        ("hair_color", {"hair_style": "bald"}, False),
        ("hair_color", {"hair_style": "buzz"}, True),
        ("hair_style", {"hair_style": "bald"}, True),
        ("hair_style", {"hair_style": "bald", "hat": "beanie"}, False),
        ("hair_style", {"hat": "top hat"}, False),
        ("hair_style", {"hair_style": "long", "hat": "cap"}, True),
        ("hat", {}, True),
        ("hat_color", {}, False),
        ("hat_color", {"hat": "headband"}, True),
        ("earrings", {}, True),
        ("earrings", {"hair_style": "long"}, False),
        ("earrings", {"earrings": "yes"}, True),
        ("facial_hair", {}, True),
        ("facial_hair", {"facial_hair": "mustache"}, True),
        ("expression", {}, True),
        ("shirt_style", {}, True),
    ],
)
def test_visibility_of_a_frontal_portrait(key: str, values: dict[str, str], expected: bool) -> None:
    assert visible(key, **values) is expected


@pytest.mark.parametrize("key", ["eye_color", "glasses", "facial_hair", "expression", "age", "presentation"])
def test_the_face_is_not_visible_from_behind(key: str) -> None:
    assert not visible(key, yaw=math.pi)


@pytest.mark.parametrize("key", ["skin_tone", "hair_style", "hair_color", "shirt_color", "background", "hat"])
def test_what_can_be_seen_from_behind(key: str) -> None:
    assert visible(key, yaw=math.pi)


def test_landmarks_lie_on_their_features() -> None:
    seen = observe(portrait())
    place = dict(zip(LANDMARKS, (seen.landmarks[0] * 64).long().tolist(), strict=True))

    def label(name: str) -> str:
        x, y = place[name]
        return CLASSES[int(seen.segmentation[0, y, x])]

    assert label("left pupil") == label("right pupil") == "iris"
    assert label("nose tip") == "nose"
    assert label("right brow middle") == "brow"
    assert place["left eye outer"][0] < place["left eye inner"][0] < place["right eye inner"][0]
    assert place["upper lip top"][1] < place["lower lip bottom"][1] < place["chin"][1]
    assert seen.landmarks_visible[0].float().mean() > 0.9
    assert observe(portrait(math.pi)).landmarks_visible[0, LANDMARKS.index("nose tip")].item() is False


def test_a_mouth_opens_with_the_jaw() -> None:
    shut = portrait()
    opened = shut.expression.clone()
    opened[:, 0] = 1.0
    mouth = observe(Record.cat([shut, replace(shut, expression=opened)])).segmentation == CLASSES.index("mouth")
    pixels = mouth.sum(dim=(1, 2))
    assert pixels[0] < 6 < 12 < pixels[1]
