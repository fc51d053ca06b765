from __future__ import annotations

import math

import pytest
import torch

from misen.scene.attributes import ATTRIBUTES, BY_KEY, COLUMN
from misen.scene.record import Record
from misen.scene.sampling import WEIGHTS, respond, sample, uniforms

MANY = sample(torch.arange(20_000))


def test_a_record_does_not_depend_on_its_batch() -> None:
    together, alone = sample(torch.arange(100, 140)), sample(torch.tensor([117]))
    for name in Record.__dataclass_fields__:
        assert torch.equal(getattr(together, name)[17:18], getattr(alone, name))


def test_the_hash_is_the_same_on_every_machine() -> None:
    drawn = uniforms(torch.tensor([0, 2**40]), 3, 2)  # computed once on x86-64; exact by construction
    assert drawn.tolist() == [[0.06585635235618215, 0.9875016690438028], [0.22257717556026269, 0.11151469885556431]]


def test_streams_and_positions_are_independent() -> None:
    first, second = (uniforms(torch.arange(20_000), stream, 4) for stream in (0, 1))
    correlation = torch.corrcoef(torch.cat((first, second), dim=1).T) - torch.eye(8, dtype=torch.float64)
    assert correlation.abs().max() < 0.03
    assert (first.mean(0) - 0.5).abs().max() < 0.01


def test_attributes_do_not_predict_each_other() -> None:
    tied = {"facial_hair", "presentation"}
    columns = [COLUMN[a.key] for a in ATTRIBUTES if a.key not in tied]
    correlation = torch.corrcoef(MANY.attributes[:, columns].double().T) - torch.eye(len(columns), dtype=torch.float64)
    assert correlation.abs().max() < 0.04


@pytest.mark.parametrize("key", [attribute.key for attribute in ATTRIBUTES])
def test_every_value_occurs_as_often_as_it_should(key: str) -> None:
    shares = torch.bincount(MANY.attributes[:, COLUMN[key]], minlength=len(BY_KEY[key])) / len(MANY)
    assert shares.min() > 0.08
    for value, weight in WEIGHTS.get(key, {}).items():
        assert shares[BY_KEY[key].index(value)] == pytest.approx(weight, abs=0.015)


def test_ranges() -> None:
    assert MANY.identity.abs().max() <= 2.5
    gaze = MANY.expression[:, 9:11]
    assert gaze.abs().max() <= 1
    others = torch.cat((MANY.expression[:, :9], MANY.expression[:, 11:]), dim=1)
    assert others.min() >= 0
    assert others.max() <= 1
    assert MANY.light[:, :3].norm(dim=1).allclose(torch.ones(len(MANY)))
    assert MANY.detail.min() >= 0
    assert MANY.detail.max() < 1


def test_cameras_face_the_viewer_but_for_the_full_circle_share() -> None:
    degrees = torch.rad2deg(MANY.camera[:, :3]).abs()
    assert degrees[:, 1].max() <= 15
    assert degrees[:, 2].max() <= 8
    beyond = (degrees[:, 0] > 45.01).float().mean()
    assert beyond == pytest.approx(0.2 * 0.75, abs=0.01)
    assert torch.rad2deg(sample(torch.arange(500), full_circle=0.0).camera[:, 0]).abs().max() <= 45.01


def test_an_expression_is_acted_out() -> None:
    smiling = sample(torch.arange(3)).with_attribute("expression", "smiling").attributes
    assert respond(smiling)[:, 3].min() > 0.9
    assert respond(sample(torch.arange(3)).with_attribute("expression", "neutral").attributes).abs().max() == 0


def test_pictures_fill_the_frame_alike() -> None:
    width = MANY.camera[:, 3] / MANY.camera[:, 4]
    assert math.isclose(width.mean(), 3.56, abs_tol=0.01)
    assert width.std() < 0.1
