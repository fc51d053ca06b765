"""Triples follow attributes and places, and nothing invisible."""

from __future__ import annotations

import torch

from misen.scene.anatomy import CLASSES, RELATIONS
from misen.scene.attributes import ATTRIBUTES, KEYS
from misen.scene.graph import NODES, TRIPLE_INDICES, TRIPLES, graph, triples
from misen.scene.observe import observe
from misen.scene.sampling import sample

PLAIN = {attribute.key: attribute.values[0] for attribute in ATTRIBUTES}


def painted(**areas: tuple[int, int, int, int]) -> torch.Tensor:
    picture = torch.zeros(64, 64, dtype=torch.uint8)
    for name, (x0, y0, x1, y1) in areas.items():
        picture[y0:y1, x0:x1] = CLASSES.index(name)
    return picture


def test_indices_spell_the_triples() -> None:
    spelled = [(NODES[a], RELATIONS[r], NODES[b]) for a, r, b in TRIPLE_INDICES.tolist()]
    assert tuple(spelled) == TRIPLES
    assert len(set(TRIPLES)) == len(TRIPLES)


def test_wearing_and_colors() -> None:
    values = PLAIN | {"hat": "cap", "hat_color": "red", "glasses": "none", "hair_color": "blond"}
    told = triples(values, set(KEYS), painted())
    assert ("head", "wearing", "hat") in told
    assert ("hat", "has color", "red") in told
    assert ("hair", "has color", "blond") in told
    assert ("head", "wearing", "glasses") not in told


def test_the_invisible_is_not_told() -> None:
    values = PLAIN | {"hat": "cap", "hat_color": "red"}
    assert triples(values, set(), painted()) == []
    assert ("hat", "has color", "red") not in triples(values | {"hat": "none"}, set(KEYS), painted())


def test_places() -> None:
    told = triples(PLAIN, set(), painted(hat=(20, 0, 44, 10), skin=(20, 10, 44, 50), earring=(46, 30, 50, 34)))
    assert ("hat", "above", "head") in told
    assert ("head", "below", "hat") in told
    assert ("earrings", "right of", "head") in told
    assert ("head", "left of", "earrings") in told
    assert not any(relation in ("left of", "right of") for a, relation, b in told if "earrings" not in (a, b))


def test_glasses_in_front_of_the_eyes() -> None:
    worn = painted(glasses=(16, 20, 48, 32), eye=(20, 24, 44, 28))
    raised = painted(glasses=(16, 4, 48, 12), eye=(20, 24, 44, 28))
    assert ("glasses", "in front of", "eyes") in triples(PLAIN, set(), worn)
    assert ("glasses", "in front of", "eyes") not in triples(PLAIN, set(), raised)


def test_a_mirrored_picture_swaps_left_and_right() -> None:
    record = sample(torch.arange(4), full_circle=0.0)
    picture = observe(record, 64)
    visible = picture.attributes_visible
    told = graph(record.attributes, visible, picture.segmentation)
    mirrored = graph(record.attributes, visible, picture.segmentation.flip(-1))
    swap = {"left of": "right of", "right of": "left of"}
    where = [TRIPLES.index((a, swap.get(r, r), b)) for a, r, b in TRIPLES]
    assert torch.equal(told, mirrored[:, where])
    assert told.any(dim=1).all()
