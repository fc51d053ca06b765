from __future__ import annotations

import pytest
import torch

from elsewhere import FAR, back, elsewhere
from misen.perception.joint import LARGEST_SCALE, JointEmbedding, joint_a, joint_b


@pytest.fixture(scope="module", params=[joint_a, joint_b])
def joint(request: pytest.FixtureRequest) -> JointEmbedding:
    torch.manual_seed(0)
    return request.param().eval()


def test_pictures_and_sentences_become_unit_vectors(joint: JointEmbedding):
    images, sentences = torch.rand(2, 3, 64, 64) * 2 - 1, ["a bald man", "一个戴帽子的女人"]
    for placed in (joint.image(images), joint.text(sentences)):
        assert placed.shape == (2, 128)
        torch.testing.assert_close(placed.norm(dim=1), torch.ones(2))


def test_a_sentence_is_placed_the_same_in_any_company(joint: JointEmbedding):
    sentences = [f"a {'very ' * (k % 9)}old woman" for k in range(70)]
    together = joint.text(sentences)
    for item in (0, 8, 69):
        torch.testing.assert_close(together[item : item + 1], joint.text(sentences[item : item + 1]), atol=1e-5, rtol=0)


def test_too_long_sentences_are_cut(joint: JointEmbedding):
    assert torch.equal(joint.text(["very long " * 100]), joint.text(["very long " * 200]))


def test_pictures_receive_a_gradient(joint: JointEmbedding):
    image = torch.rand(1, 3, 64, 64, requires_grad=True)
    joint.image(image)[0, 0].backward()
    assert image.grad.abs().sum() > 0


def test_pictures_are_placed_where_they_are(joint: JointEmbedding):
    images = torch.rand(2, 3, 80, 80) * 2 - 1
    with torch.no_grad(), elsewhere():
        there, (regions, places) = joint.image(images.to(FAR)), joint.look(images.to(FAR))
        torch.testing.assert_close(back(there), joint.image(images), atol=1e-5, rtol=0)
    torch.testing.assert_close(back(places), back(there))
    assert regions.device == FAR


def test_the_temperature_is_capped():
    joint = joint_b()
    assert joint.scale.item() == pytest.approx(1 / 0.07)
    with torch.no_grad():
        joint.log_scale.fill_(50.0)
    assert joint.scale.item() == LARGEST_SCALE
