from __future__ import annotations

import torch

from misen.scene.anatomy import EXPRESSION_AXES, IDENTITY_AXES
from misen.scene.attributes import ATTRIBUTES
from misen.scene.axes import EXPRESSION, IDENTITY
from misen.scene.head import build_head, head_basis, presence, skin_surface
from misen.scene.primitives import INDEX, PRIMITIVES
from misen.scene.sampling import sample

RECORD = sample(torch.arange(8))


def shape(identity: torch.Tensor, expression: torch.Tensor) -> torch.Tensor:
    return head_basis().shape(identity, expression, RECORD.attributes).primitives


def test_every_axis_moves_something() -> None:
    assert tuple(IDENTITY) == IDENTITY_AXES
    assert tuple(EXPRESSION) == EXPRESSION_AXES
    moving = head_basis().directions[: len(IDENTITY_AXES) + len(EXPRESSION_AXES)].abs().sum(1)
    assert moving.min() > 0


def test_the_basis_is_linear() -> None:
    start = shape(RECORD.identity, RECORD.expression)
    end = shape(-RECORD.identity, 0.5 * RECORD.expression)
    middle = shape(0.0 * RECORD.identity, 0.75 * RECORD.expression)
    assert torch.allclose(middle, (start + end) / 2, atol=1e-5)


def test_identity_and_expression_add_up() -> None:
    none = torch.zeros_like(RECORD.identity), torch.zeros_like(RECORD.expression)
    rest = shape(*none)
    both = shape(RECORD.identity, RECORD.expression) - rest
    apart = shape(RECORD.identity, none[1]) + shape(none[0], RECORD.expression) - 2 * rest
    assert torch.allclose(both, apart, atol=1e-5)


def test_a_symmetric_head_is_symmetric() -> None:
    still = RECORD.with_attribute("hat", "none")
    head = build_head(still)
    left, right = (head.centres[:, INDEX[f"{side} eye"]] for side in ("left", "right"))
    assert torch.allclose(left * torch.tensor([-1.0, 1.0, 1.0]), right, atol=1e-5)


def test_the_jaw_opens_downwards() -> None:
    opened = torch.zeros_like(RECORD.expression)
    opened[:, EXPRESSION_AXES.index("jaw open")] = 1
    moved = shape(RECORD.identity, opened) - shape(RECORD.identity, 0 * opened)
    assert (moved[:, INDEX["chin"], 1] < -0.05).all()
    assert head_basis().shape(RECORD.identity, opened, RECORD.attributes).curve("lips", "open down").min() > 0.3


def test_presence_follows_the_attributes() -> None:
    worn = presence(RECORD.with_attribute("hat", "cap").with_attribute("hair_style", "bun").attributes)
    assert worn[:, INDEX["cap dome"]].all()
    assert not worn[:, INDEX["beanie dome"]].any()
    assert not worn[:, INDEX["bun"]].any()
    assert worn[:, INDEX["bun cap"]].all()
    assert worn[:, INDEX["cranium"]].all()


def test_the_skin_surface_of_one_sphere_is_the_sphere() -> None:
    x, y = torch.tensor([[0.3, -0.5]]), torch.tensor([[0.2, 0.4]])
    height, normal = skin_surface(torch.zeros(1, 1, 3), torch.ones(1, 1, 3), x, y)
    expected = (1 - x**2 - y**2).sqrt()
    assert torch.allclose(height, expected, atol=1e-5)
    assert torch.allclose(normal, torch.stack((x, y, expected), dim=-1), atol=1e-5)


def test_conditions_name_known_values() -> None:
    values = {attribute.key: set(attribute.values) for attribute in ATTRIBUTES}
    for primitive in PRIMITIVES:
        for conditions in (primitive.when, primitive.unless):
            assert all(set(wanted) <= values[key] for key, wanted in conditions.items())
    assert len(INDEX) == len(PRIMITIVES) < 255
