from __future__ import annotations

import pytest
import torch

from misen.data.world import tell_truth
from misen.perception.joint import joint_b
from misen.perception.observer import observer_b
from misen.recipes.train_joint import Course, JointPlayer, captions_of
from misen.recipes.train_observer import ObserverPlayer
from misen.scene.splits import TRAIN_B
from misen.scene.truth import Truth


@pytest.fixture(scope="module")
def truth() -> Truth:
    return tell_truth(TRAIN_B.records(0, 16))


def test_an_observer_learns_from_one_batch(truth: Truth):
    torch.manual_seed(0)
    player = ObserverPlayer(observer_b())
    optimizer = torch.optim.AdamW(player.module.parameters(), lr=2e-3)
    losses = []
    for step in range(6):
        loss, figures = player.loss({"truth": truth}, step)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.95 * losses[0]
    assert {"attributes", "segmentation", "landmarks", "identity"} <= figures.keys()


def test_every_weight_of_a_joint_embedding_learns(truth: Truth):
    torch.manual_seed(0)
    player = JointPlayer(Course(joint_b()))
    loss, figures = player.loss({"truth": truth, "seeds": truth.record.seed}, 0)
    loss.backward()
    still = [name for name, p in player.module.named_parameters() if p.grad is None or not p.grad.any()]
    assert [name for name in still if "position" not in name] == []
    assert figures["scale"] == pytest.approx(1 / 0.07)


def test_captions_follow_their_seeds_and_speak_both_languages(truth: Truth):
    seeds = list(range(16))
    texts = [caption.text for caption in captions_of(truth, seeds)]
    assert texts == [caption.text for caption in captions_of(truth, seeds)]
    assert texts != [caption.text for caption in captions_of(truth, [seed + 16 for seed in seeds])]
    assert 2 < sum(text.isascii() for text in texts) < 14
