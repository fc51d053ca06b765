"""The generator: who is given is shown, in the motion that is heard, and stays who it is."""

from __future__ import annotations

import pytest
import torch

from misen.core.condition import Condition
from misen.core.errors import ModelFileError
from misen.core.generator import Generator, Level, Repeatable, Rereading, Startable, Storable
from misen.core.guidance import Guidance
from misen.core.seeding import Streams
from misen.generators.gan.folder import load, save
from misen.generators.gan.samplers import Walk
from misen.generators.gan.talking import face as faces
from misen.generators.gan.talking.face import FaceEncoder
from misen.nn.description import read_card
from misen.synthesis.loop import synthesize
from misen.synthesis.plan import plan
from talkers import HEARD, KINDS, SIZE, generator, some_faces, some_tokens
from toys import ENCODERS, energies, shade

LEVEL = Level(0.0)
SEEDS = (1, 2)


@pytest.fixture(params=KINDS)
def talking(request):
    return generator(request.param)


def face(seed: int = 0) -> Condition:
    return Condition.full("vector", some_faces(seed=seed).numbers())


def begun(made):
    return made.start(2, Streams(SEEDS))


def made_of(talking, state=None, **conditions):
    state = begun(talking) if state is None else state
    return state.moved(talking.predict(state, LEVEL, conditions).point)


def test_it_has_the_capabilities_it_says(talking) -> None:
    assert isinstance(talking, Generator)
    assert isinstance(talking, Storable)
    assert isinstance(talking, Rereading)
    assert isinstance(begun(talking), Repeatable)
    assert not isinstance(talking, Startable)
    assert {name: (port.layout, port.width) for name, port in talking.ports.items()} == {
        "audio": ("tokens", HEARD), "exemplar": ("vector", faces.width(SIZE))
    }  # fmt: skip


def test_what_an_estimate_shows_is_what_the_finished_state_is(talking) -> None:
    estimate = talking.predict(begun(talking), LEVEL, {"audio": some_tokens(), "exemplar": face()})
    finished = talking.finish(begun(talking).moved(estimate.point))
    assert finished.shape == (2, 3, SIZE, SIZE)
    torch.testing.assert_close(estimate.view(estimate.point).image, finished)


def test_it_paints_what_its_network_paints(talking) -> None:
    whole = talking.networks(some_tokens().value, some_faces())
    torch.testing.assert_close(talking.finish(made_of(talking, audio=some_tokens(), exemplar=face())), whole)


def test_a_face_without_a_sound_rests(talking) -> None:
    shown = talking.finish(made_of(talking, exemplar=face()))
    rest = talking.networks.motion.rest(some_faces())
    torch.testing.assert_close(shown, talking.networks.paint(rest, some_faces()))


def test_what_nobody_gives_stays(talking) -> None:
    state = made_of(talking, audio=some_tokens(), exemplar=face())
    torch.testing.assert_close(talking.predict(state, LEVEL, {}).point, state.value)
    for absent in ({"audio": some_tokens(seed=4)}, {"exemplar": face(seed=4)}):
        nothing = {name: condition.where(torch.tensor([False, False])) for name, condition in absent.items()}
        torch.testing.assert_close(talking.predict(state, LEVEL, nothing).point, state.value)


def test_another_sound_moves_the_same_face(talking) -> None:
    state = made_of(talking, audio=some_tokens(), exemplar=face())
    other = made_of(talking, state, audio=some_tokens(seed=1)).value
    numbers = talking.networks.motion.numbers
    torch.testing.assert_close(other[:, numbers:], state.value[:, numbers:])
    assert (other - state.value)[:, :numbers].abs().max() > 1e-5


def test_only_those_who_are_given_something_change(talking) -> None:
    first = torch.tensor([True, False])
    before = made_of(talking, audio=some_tokens(), exemplar=face())
    after = made_of(talking, before, audio=some_tokens(seed=1).where(first), exemplar=face(seed=1).where(first))
    changed = (after.value - before.value).abs().amax(dim=1) > 1e-5
    assert changed.tolist() == [True, False]


def test_a_frame_does_not_depend_on_those_beside_it(talking) -> None:
    both = made_of(talking, audio=some_tokens(), exemplar=face()).value
    alone = talking.predict(
        talking.start(1, Streams([9])), LEVEL, {"audio": some_tokens()[1:], "exemplar": face()[1:]}
    )  # fmt: skip
    torch.testing.assert_close(alone.point, both[1:])


@pytest.mark.parametrize("given", [True, False])
def test_energies_move_the_motion_and_only_a_face_that_nobody_gives(talking, given) -> None:
    state = made_of(talking, audio=some_tokens(), exemplar=face())
    estimate = talking.predict(state, LEVEL, {"exemplar": face()} if given else {})
    point = estimate.point.detach().requires_grad_()
    [slope] = torch.autograd.grad(estimate.view(point).image.square().sum(), point)
    numbers = talking.networks.motion.numbers
    assert slope[:, :numbers].abs().max() > 0
    assert (slope[:, numbers:].abs().max() > 0) == (not given)


def test_both_parts_of_a_pose_are_about_as_long(talking) -> None:
    """Otherwise the step of an energy, a share of the whole, would be all or nothing for one of them."""
    pose = made_of(talking, audio=some_tokens(), exemplar=face()).value
    motion, shown = pose.split([talking.networks.motion.numbers, faces.width(SIZE)], dim=1)
    assert 0.05 < shown.norm() / motion.norm() < 20


def test_a_walk_without_energies_is_one_step_and_takes_both(talking) -> None:
    talking.entrances = type(talking.entrances)("tint", HEARD, "shade")
    sampler = Walk(10)
    energetic = plan(
        talking, [Guidance(signal=shade((0.9, 0.9, 0.9)), route="consistency")], sampler=sampler,
        encoders={"tint": ENCODERS["tint"]}, energies=energies(),
    )  # fmt: skip
    assert len(synthesize(talking, sampler, energetic, seeds=SEEDS).trace) == 10
    plain = plan(talking, [], sampler=sampler, encoders={}, energies={})
    assert len(synthesize(talking, sampler, plain, seeds=SEEDS).trace) == 1


def test_somebody_is_read_as_a_face(talking) -> None:
    own = talking.own_encoders({})
    assert list(own) == ["exemplar"]
    assert isinstance(own["exemplar"], FaceEncoder)
    assert own["exemplar"].width("vector") == talking.ports["exemplar"].width


def test_a_pose_can_be_kept(talking) -> None:
    state = made_of(talking, audio=some_tokens(), exemplar=face())
    kept = talking.unpack(talking.pack(state))
    assert torch.equal(kept.value, state.value)
    assert not kept.drawn
    for wrong in ({}, {"pose": torch.zeros(2, 4)}):
        with pytest.raises(ModelFileError, match="a pose"):
            talking.unpack(wrong)


def test_a_folder_holds_everything(talking, tmp_path) -> None:
    talking.networks.half().float()
    save(talking, tmp_path / "model")
    again = load(tmp_path / "model")
    given = {"audio": some_tokens(), "exemplar": face()}
    assert torch.equal(talking.finish(made_of(talking, **given)), again.finish(made_of(again, **given)))
    card = read_card(tmp_path / "model")
    assert (card["family"], card["kind"], card["name"]) == ("gan", "talking", "small")
    assert again.ports == talking.ports
