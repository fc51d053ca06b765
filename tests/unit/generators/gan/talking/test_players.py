"""The two parts of the game: what a sound does to a face, and painting it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch.nn import functional

from misen.core.sound import SAMPLES
from misen.generators.gan.talking.content import REACH
from misen.generators.gan.talking.face import MOUTH, POINTS
from misen.generators.gan.talking.players import LIPS, Expert, TalkingGame, Weights, heard, near, smooth
from misen.generators.gan.translation.players import CriticSettings
from misen.perception.heard import Heard
from misen.perception.sync import COLUMNS, sync_a
from misen.scene.anatomy import LANDMARKS
from misen.scene.speech import VISEMES
from talkers import HEARD, KINDS, SIZE, network, some_faces

FRAMES = 5
CRITIC = CriticSettings(field=2, width=4, scales=1)
MIX = torch.randn(SAMPLES, HEARD, generator=torch.Generator().manual_seed(7)) / SAMPLES**0.5


def listen(waveform: torch.Tensor) -> Heard:
    """An ear that is linear in each frame."""
    frames = waveform.unflatten(1, (-1, SAMPLES))
    empty = torch.zeros(*frames.shape[:2], len(VISEMES))
    return Heard(empty, empty[..., :MOUTH], 10 * frames @ MIX)


def features(image: torch.Tensor) -> list[torch.Tensor]:
    return [functional.avg_pool2d(image, 2**level) for level in (0, 1, 2)]


def look(images: torch.Tensor) -> SimpleNamespace:
    """An observer to whom the mouth is the color of the picture."""
    expression = torch.zeros(len(images), 12)
    expression[:, COLUMNS] = images.mean(dim=(2, 3))
    return SimpleNamespace(expression=expression)


def game(kind: str, **weights: float) -> TalkingGame:
    torch.manual_seed(0)
    expert = Expert(look, sync_a().eval().requires_grad_(False)) if weights.get("sync") else None
    return TalkingGame(network(kind), listen, features, Weights(**weights), CRITIC, expert)


def batch(made: TalkingGame, frames: int = FRAMES) -> dict[str, torch.Tensor]:
    random = torch.Generator().manual_seed(9)
    lesson = {"points": 2 * POINTS, "mouth": MOUTH}[made.networks.motion.lesson]
    return {
        "sound": torch.rand(2, (frames + 2 * REACH) * SAMPLES, generator=random) - 0.5,
        "face": some_faces().numbers(),
        "lesson": torch.rand(2, frames, lesson, generator=random),
        "pictures": torch.rand(2, frames, 3, SIZE, SIZE, generator=random) * 2 - 1,
        "motion": torch.rand(2, frames, lesson, generator=random),
    }


def learned(player, given, steps: int, figure: str) -> list[float]:
    """A figure on the way, while a player learns a batch by heart."""
    optimizer = torch.optim.Adam(player.module.parameters(), lr=1e-2)
    seen = []
    for step in range(steps):
        torch.manual_seed(step)
        loss, figures = player.loss(given, step)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seen.append(figures[figure])
    return seen


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_sound_does_is_learned(kind) -> None:
    made = game(kind)
    [player] = made.beginners()
    given, face = batch(made), some_faces()
    told = made.networks.motion.told(made.networks.content(heard(listen, given["sound"])), face).detach()
    errors = learned(player, {**given, "lesson": told + 0.1}, 40, "error")
    assert errors[-1] < 0.8 * errors[0]
    assert made.networks.decoder.exit.weight.grad is None


def test_a_motion_that_is_right_costs_nothing() -> None:
    made = game("code")
    [player] = made.beginners()
    made.networks.motion.told = lambda content, face: batch(made)["lesson"]
    loss, figures = player.loss(batch(made), 0)
    assert loss == 0
    assert set(figures) == {"error", "place", "pace"}


def test_a_motion_that_is_late_costs_more_than_one_that_is_off() -> None:
    off = torch.full((1, 8, 3), 1.0)
    shaking = off * torch.tensor([1.0, -1.0]).repeat(4)[None, :, None]
    assert smooth(off) == smooth(shaking) == 0.5
    assert smooth(off.diff(dim=1)) == 0
    assert smooth(shaking.diff(dim=1)) == 1.5


@pytest.mark.parametrize("kind", KINDS)
def test_both_players_learn_and_leave_each_other_alone(kind) -> None:
    made = game(kind)
    painter, critic = made.players()
    painter.loss(batch(made), 0)[0].backward()
    named = made.networks.motion.named
    learning = {name.split(".")[0] for name, one in made.networks.named_parameters() if one.grad is not None}
    assert learning == {"field", "decoder"} | (set() if named else {"content"})
    made.networks.zero_grad()
    critic.module.zero_grad()
    critic.loss(batch(made), 0)[0].backward()
    assert all(parameter.grad is not None for parameter in critic.module.parameters())
    assert all(parameter.grad is None for parameter in made.networks.parameters())


def test_the_loss_is_the_weighted_sum_of_what_is_told() -> None:
    made = game("points")
    painter, _ = made.players()
    loss, figures = painter.loss(batch(made), 0)
    weights = {"adversarial": 1, "features": 10, "lpips_coach": 3, "absolute": 3, "mouth": 3}
    assert set(figures) == set(weights)
    assert loss.item() == pytest.approx(sum(weight * figures[name] for name, weight in weights.items()), rel=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_painting_is_learned(kind) -> None:
    made = game(kind)
    made.still = 0.0
    painter, _ = made.players()
    errors = learned(painter, batch(made, frames=2), 30, "absolute")
    assert errors[-1] < 0.9 * errors[0]


@pytest.mark.parametrize("kind", KINDS)
def test_where_nothing_is_said_the_face_is_the_picture(kind) -> None:
    made = game(kind)
    made.still = 1.0
    painter, _ = made.players()
    painter.loss(batch(made), 0)
    scene, face = made.last, some_faces().repeat(FRAMES)
    assert scene.still.all()
    assert torch.equal(scene.true, face.picture)
    torch.testing.assert_close(scene.image, made.networks.paint(made.networks.motion.rest(face), face))


# --- sync ------------------------------------------------------------------------------------------------------------


def test_the_expert_is_asked_where_it_counts() -> None:
    made = game("code", sync=1.0)
    made.still = 0.0
    painter, _ = made.players()
    loss, figures = painter.loss(batch(made), 0)
    assert 0 < figures["sync"] < 2
    loss.backward()
    assert all(parameter.grad is None for parameter in made.expert.sync.parameters())
    made.still = 1.0
    _, silent = painter.loss(batch(made), 0)
    assert silent["sync"] == 0


def test_doubt_is_of_the_middle_of_a_clip() -> None:
    made = game("code", sync=1.0)
    images, sound = batch(made)["pictures"].flatten(0, 1), batch(made)["sound"]
    doubt = made.expert.doubt(images, sound, FRAMES)
    expert, track = made.expert.sync, images.mean(dim=(2, 3)).unflatten(0, (2, FRAMES))
    wanted = expert.sound(sound)[:, REACH + 2], expert.mouth(track)[:, 2]
    torch.testing.assert_close(doubt, 1 - (wanted[0] * wanted[1]).sum(dim=1))


def test_pictures_learn_of_the_expert() -> None:
    made = game("code", sync=1.0)
    images = batch(made)["pictures"].flatten(0, 1).requires_grad_()
    [slope] = torch.autograd.grad(made.expert.doubt(images, batch(made)["sound"], FRAMES).sum(), images)
    assert slope.abs().max() > 0


# --- parts -----------------------------------------------------------------------------------------------------------


def test_the_mouth_counts_where_it_is() -> None:
    assert {LANDMARKS[index] for index in LIPS} == {
        "mouth left", "mouth right", "upper lip top", "lower lip bottom", "upper lip inner", "lower lip inner", "chin"
    }  # fmt: skip
    face = some_faces()
    face.points[:] = 0.25
    weight = near(face)
    torch.testing.assert_close(weight.mean(dim=(1, 2)), torch.ones(2))
    assert (weight[:, 4, 4] > 3).all()
    assert (weight[:, 14, 14] < 0.01).all()


def test_every_sound_has_a_microphone_of_its_own() -> None:
    sound = torch.rand(2, 3 * SAMPLES)
    torch.manual_seed(0)
    first, second = heard(listen, sound), heard(listen, sound)
    assert first.shape == (2, 3, HEARD)
    assert not torch.allclose(first, second)
    assert not first.requires_grad
