"""Networks that are run otherwise: near what they were, together where answers are mixed, and exact on demand."""

from __future__ import annotations

import pytest
import torch

from misen.core.errors import LimitError
from misen.core.execution import Execution
from misen.core.generator import Executable, Joint, Reusing, answering
from misen.core.seeding import Streams
from misen.generators.diffusion.samplers import SAMPLERS
from misen.nn import execution, room

LEVEL = SAMPLERS["ddim"](4).levels(guided=False)[1]


@pytest.fixture
def passes(generator):
    """How many items each pass through the network had."""
    batches = []
    generator.denoiser.unet.conv_in.register_forward_hook(lambda module, given, _: batches.append(len(given[0])))
    return batches


@torch.no_grad()
def points(generator, asked, batch=2):
    state = generator.start(batch, Streams(range(batch)))
    return [answer.point for answer in generator.predict_jointly(state, LEVEL, asked)]


def test_its_capabilities(generator):
    assert all(isinstance(generator, capability) for capability in (Executable, Reusing, Joint))


def test_as_built_it_answers_one_question_at_a_time(generator, conditions, passes):
    asked = [{}, conditions(2)]
    state = generator.start(2, Streams(range(2)))
    with torch.no_grad():
        single = [generator.predict(state, LEVEL, one).point for one in asked]
    assert all(map(torch.equal, points(generator, asked), single))
    assert passes == [2, 2, 2, 2]


def test_run_otherwise_it_answers_all_in_one_pass(generator, conditions, passes):
    asked, exact = [{}, conditions(2)], generator.executed(Execution())
    near = points(exact, asked)
    assert passes == [4]
    for ours, theirs in zip(near, points(generator, asked), strict=True):
        assert torch.allclose(ours, theirs, atol=1e-4)


def test_other_answers_are_never_passed_over(generator, conditions):
    fast = generator.executed(Execution())
    moved = answering(fast, lambda state, level, given: fast.predict(state, level, {}))
    alone, given = points(moved, [{}, conditions(2)])
    assert torch.equal(alone, given)


def test_half_the_bits_come_near(generator, conditions):
    half = generator.executed(Execution("bfloat16"))
    for ours, theirs in zip(points(half, [{}, conditions(2)]), points(generator, [{}, conditions(2)]), strict=True):
        assert ours.dtype == torch.float32
        assert 0 < (ours - theirs).abs().mean() < 0.05 * theirs.abs().mean()
    images = torch.rand(1, 3, 32, 32) * 2 - 1
    with torch.no_grad():
        assert (half.encode(images) - generator.encode(images)).abs().mean() < 0.05
        pictures = [one.finish(one.start(1, Streams((1,)))) for one in (half, generator)]
    assert pictures[0].dtype == torch.float32
    assert (pictures[0] - pictures[1]).abs().mean() < 0.05


def test_estimates_are_shown_in_half_the_bits_too(generator, monkeypatch):
    half, formats = generator.executed(Execution("bfloat16")), []
    half.tiny.register_forward_hook(lambda module, given, made: formats.append(made.dtype))
    with torch.no_grad():
        estimate = generator.predict(generator.start(1, Streams((1,))), LEVEL, {})
    shown = []
    for one in (half, generator):
        point = estimate.point.detach().requires_grad_()
        image = one.predict(one.start(1, Streams((1,))), LEVEL, {}).view(point).image
        shown += [image, *torch.autograd.grad(image.square().mean(), point)]
    assert formats == [torch.bfloat16]
    for ours, theirs in zip(shown[:2], shown[2:], strict=True):
        assert ours.dtype == torch.float32
        assert 0 < (ours - theirs).abs().mean() < 0.05 * theirs.abs().mean()


def test_run_otherwise_twice_it_still_knows_how_it_was_built(generator):
    again = generator.executed(Execution("bfloat16")).executed(Execution())
    with again.full_precision() as exact:
        assert exact.denoiser is generator.denoiser
        assert exact.tiny is generator.tiny


def test_copies_for_which_there_is_no_room_are_refused(generator, monkeypatch):
    monkeypatch.setattr(room, "free", lambda device: 1000)
    with pytest.raises(LimitError, match=r"a copy of a network, to be run otherwise, needs .* leave accelerate"):
        generator.executed(Execution("bfloat16"))


def test_it_can_be_exact_for_a_while(generator):
    half = generator.executed(Execution("bfloat16"))
    before = points(half, [{}])
    with half.full_precision() as exact:
        assert torch.equal(points(exact, [{}])[0], points(generator, [{}])[0])
        assert torch.equal(points(half, [{}])[0], before[0])  # whoever shares it goes on as it was


def test_a_twin_learns_as_built(generator):
    twin = generator.executed(Execution("bfloat16")).twin()
    assert twin.denoiser.unet.dtype == torch.float32
    assert torch.equal(points(twin, [{}])[0], points(generator, [{}])[0])


def test_features_are_kept_in_any_way_of_running(generator, conditions, passes):
    fast = generator.executed(Execution("bfloat16")).reusing(2)
    assert fast.dtype == torch.bfloat16
    assert all(torch.isfinite(point).all() for point in points(fast, [{}, conditions(2)]))
    assert passes == [4]


def test_compilers_get_the_blocks(generator, monkeypatch):
    handed = []

    def compiler(forward, **_):
        handed.append(forward.__self__)
        return forward

    monkeypatch.setattr(torch, "compile", compiler)
    monkeypatch.setattr(execution, "compilers", lambda: ["compiled"])
    fast = generator.executed(Execution(engine="compiled"))
    assert len(handed) == 6
    assert fast.autoencoder.decoder in handed
    assert fast.denoiser.unet.mid_block in handed
    assert generator.denoiser.unet.mid_block not in handed
