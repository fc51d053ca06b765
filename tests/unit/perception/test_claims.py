from __future__ import annotations

import torch

from misen.perception.claims import WIDTH, false_of, ruled_out, shown
from misen.scene.attributes import KEYS
from misen.scene.language import Caption, Mention, describe, false_for
from misen.scene.truth import Truth


def captions_of(truth: Truth) -> list[Caption]:
    """One caption of each avatar, in changing styles and languages."""
    styles, languages = ("full", "partial", "free"), ("en", "zh")
    return [
        describe(
            {key: truth.record.value(key, item) for key in KEYS}, set(KEYS), 0.3, item,
            language=languages[item % 2], style=styles[item % 3],
        )
        for item in range(len(truth))
    ]  # fmt: skip


def test_the_product_agrees_with_the_world_on_every_pair(truth: Truth):
    captions, visible = captions_of(truth), truth.observation.attributes_visible
    sides = torch.full((len(truth),), 0.3)
    found = false_of(ruled_out(captions), shown(truth.record.attributes, visible, sides))
    expected = torch.stack([false_for(c.mentions, truth.record.attributes, visible) for c in captions])
    assert torch.equal(found, expected)
    assert found.any()
    assert not found.diagonal().any()


def test_a_view_rules_out_the_other_views():
    values, visible = torch.zeros(3, 16, dtype=torch.long), torch.ones(3, 16, dtype=torch.bool)
    seen = shown(values, visible, torch.tensor([0.0, 1.2, 3.1]))
    captions = [Caption("from behind", (), "behind"), Caption("from the left", (), "left"), Caption("somebody", ())]
    assert false_of(ruled_out(captions), seen).tolist() == [[True, True, False], [True, False, True], [False] * 3]


def test_a_denial_rules_out_one_value_and_a_claim_all_others():
    denied = ruled_out([Caption("", (Mention("glasses", "none", True),)), Caption("", (Mention("glasses", "none"),))])
    assert denied.shape == (2, WIDTH)
    assert denied.sum(dim=1).tolist() == [1, 3]
    assert not (denied[0] & denied[1]).any()
