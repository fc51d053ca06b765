"""The generators between the waists: states, estimates, pictures, and every other way of using them."""

from __future__ import annotations

import pytest
import torch

import sequences
from misen.core.errors import InputError, ModelFileError, Unreachable
from misen.core.generator import (
    Generator,
    Gridded,
    Joint,
    Level,
    Movable,
    Opaque,
    Particular,
    Projectable,
    Repainting,
    Sizable,
    Startable,
    Storable,
    Trainable,
)
from misen.core.guidance import Guidance
from misen.core.seeding import Streams
from misen.generators.autoregressive.generator import CERTAIN
from misen.generators.autoregressive.state import TokenState
from misen.generators.autoregressive.tokenizer import Tokenizer
from misen.generators.autoregressive.tokens import UNDECIDED
from misen.synthesis import Known, Start, plan, synthesize
from sequences import CELLS, CODES, SIDE, codec, some_tokens
from toys import ENCODERS, energies, tint

LEVEL = Level(0.0)


def walked(generator, seeds, steps=4, start=None, known=None, name=None):
    sampler = generator.samplers[name or generator.kind](steps)
    decided = plan(generator, [], known, sampler=sampler, encoders={}, energies={})
    return synthesize(generator, sampler, decided, seeds=seeds, start=start)


def picture(batch=1, width=16):
    return torch.rand(batch, 3, 16, width, generator=torch.Generator().manual_seed(5)) * 2 - 1


def begun():
    """A state in which the first six tokens are decided."""
    tokens = some_tokens().where(torch.arange(CELLS).view(SIDE, SIDE) < 6, UNDECIDED)
    return TokenState(tokens, torch.ones_like(tokens, dtype=torch.bool))


def half():
    mask = torch.zeros(1, 1, 16, 16)
    mask[:, :, 8:] = 1
    return mask


def test_capabilities(generator):
    wanted = (Startable, Storable, Projectable, Repainting, Sizable, Joint, Particular, Trainable)
    assert all(isinstance(generator, capability) for capability in (Generator, *wanted))
    assert not isinstance(generator, Gridded)
    assert isinstance(generator, Opaque) == (generator.kind == "raster")
    assert not isinstance(generator.start(1, Streams([0])), Movable)
    assert (generator.size, generator.side_step) == (16, 4)
    assert {name: port.layout for name, port in generator.ports.items()} == {
        "words": "tokens", "lines": "map", "view": "vector"
    }  # fmt: skip
    assert next(iter(generator.samplers)) == generator.kind


def test_a_walk_decides_everything(generator):
    result = walked(generator, (1, 2))
    assert not result.state.undecided.any()
    assert result.state.tokens.max() < CODES
    assert result.images.shape == (2, 3, 16, 16)
    assert result.images.abs().max() <= 1
    assert torch.equal(result.images, generator.finish(result.state))
    assert torch.equal(walked(generator, (2,)).state.tokens[0], result.state.tokens[1])


def test_a_masked_model_can_be_read_row_by_row():
    assert not walked(sequences.generator("masked"), (1,), name="raster").state.undecided.any()


def test_points_are_logits_of_what_is_undecided(generator, conditions):
    state = begun()
    point = generator.predict(state, LEVEL, conditions).point
    if generator.kind == "raster":
        whole = generator.network(some_tokens(), conditions)
        assert point.shape == (2, CODES, 1, 1)
        assert torch.allclose(point[..., 0, 0], whole[..., 1, 2], atol=1e-5)
    else:
        assert point.shape == (2, CODES, SIDE, SIDE)
        assert point[:, :, 0].abs().max() == 0
        assert torch.equal(point[:, :, 2:], generator.network(state.tokens, [conditions])[:, :, 2:])


def test_several_sets_of_conditions_at_once(generator, conditions):
    state = generator.start(2, Streams((1, 2)))
    both = generator.predict_jointly(state, LEVEL, [conditions, {}])
    for one, given in zip(both, (conditions, {}), strict=True):
        assert torch.allclose(one.point, generator.predict(state, LEVEL, given).point, atol=1e-5)


def test_a_view_shows_decided_tokens_and_the_most_probable_codes(generator):
    tokens, wanted, state = some_tokens(), some_tokens().flip(0), begun()
    point = generator.tokenizer.certain(wanted, 3.0)
    shown = generator.predict(state, LEVEL, {}).view(point).image
    expected = wanted.where(state.undecided, tokens)
    assert torch.allclose(shown, generator.finish(TokenState(expected, state.free)), atol=1e-6)


def test_gradients_reach_undecided_cells_alone(generator):
    state = begun()
    point = torch.randn(2, CODES, SIDE, SIDE).requires_grad_()
    [gradient] = torch.autograd.grad(generator.predict(state, LEVEL, {}).view(point).image.square().sum(), point)
    assert torch.equal(gradient.abs().amax(1) > 0, state.undecided)


def test_pictures_become_tokens_and_pictures_again(generator):
    image = picture(2)
    state = generator.restart(generator.encode(image), None, Streams((1, 2)))
    assert torch.equal(state.tokens, generator.tokenizer.read(image))
    codec = generator.tokenizer.autoencoder
    assert torch.allclose(generator.finish(state), codec(image).clamp(-1, 1), atol=1e-6)


def test_strength_says_how_many_tokens_are_decided_anew(generator):
    image, counts = picture(), []
    for strength in (0.25, 0.5, 1.0):
        levels = generator.samplers[generator.kind](4).levels(guided=False)[-int(4 * strength) :]
        state = generator.restart(generator.encode(image), levels[0], Streams([1]))
        kept = ~state.undecided
        assert torch.equal(state.tokens[kept], generator.tokenizer.read(image)[kept])
        counts.append(int(state.undecided.sum()))
    assert counts == ([4, 8, 16] if generator.kind == "raster" else [6, 11, 16])
    result = walked(generator, (1,), start=Start(image, 0.25))
    assert not result.state.undecided.any()
    unchanged = walked(generator, (1,), start=Start(image, 0.0))
    assert torch.equal(unchanged.state.tokens, generator.tokenizer.read(image))


def test_known_tokens_never_change(generator):
    image, mask = picture(), half()
    tokens = generator.tokenizer.read(image)
    around = generator.around(image, mask)
    first = around.start(2, Streams((1, 2)))
    assert torch.equal(first.undecided, torch.tensor([False, False, True, True])[:, None].expand(2, 4, 4))
    for one in (around, generator):
        result = walked(one, (1, 2), known=Known(image, mask))
        assert torch.equal(result.state.tokens[:, :2], tokens[:, :2].expand(2, -1, -1))
        assert torch.equal(result.images[:, :, :8], image[:, :, :8].expand(2, -1, -1, -1))
        assert not torch.equal(result.images[0], result.images[1])
    assert generator.start(1, Streams([1])).undecided.all()


def test_a_cell_is_free_if_any_of_its_pixels_is(generator):
    mask = torch.zeros(1, 1, 16, 16)
    mask[..., 3, 5] = 0.1
    assert generator.known(mask)[0, 0].tolist() == [[0, 1, 0, 0], *([[0, 0, 0, 0]] * 3)]


def test_what_is_given_is_never_drawn_otherwise(generator):
    point = generator.encode(picture())
    drawn = generator.samplers[f"{generator.kind}:temperature=5"](4).choice.draw(
        point.movedim(1, -1).expand(2000, -1, -1, -1), torch.rand(2000, 4, 4)
    )
    assert point.max() == CERTAIN
    assert torch.equal(drawn, point.argmax(1).expand(2000, -1, -1))


@pytest.mark.parametrize(("height", "width"), [(16, 32), (32, 8), (4, 4)])
def test_other_sizes(generator, height, width):
    other = generator.sized(height, width)
    result = walked(other, (3,))
    assert result.images.shape == (1, 3, height, width)
    assert generator.start(1, Streams([1])).tokens.shape == (1, 4, 4)
    assert other.samplers["raster"](1).stages == height * width // 16


def test_sizes_that_do_not_come_out_even(generator):
    with pytest.raises(InputError, match="width and height must be multiples of 4, got 30x16"):
        generator.sized(16, 30)


def test_states_are_kept(generator):
    state = walked(generator, (1, 2), steps=2).state
    again = generator.unpack(generator.pack(state))
    assert torch.equal(generator.finish(again), generator.finish(state))


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (None, r"whole tokens \(B, 4, 4\), found none"),
        (torch.zeros(1, 4, 4), "found .* of torch.float32"),
        (torch.zeros(1, 3, 4).long(), r"found \(1, 3, 4\)"),
        (torch.full((1, 4, 4), CODES), f"tokens must be from 0 to {CODES - 1}, or -1, found {CODES} to {CODES}"),
        (torch.full((1, 4, 4), -2), "found -2 to -2"),
    ],
)
def test_tokens_that_are_none_of_this_model(generator, tokens, message):
    with pytest.raises(ModelFileError, match=message):
        generator.unpack({} if tokens is None else {"tokens": tokens})


def test_a_codec_with_several_codes_for_a_cell_is_refused():
    with pytest.raises(InputError, match="2 codes for each cell, and a sequence needs one"):
        Tokenizer(codec(groups=2))


def test_the_planner_knows_what_can_steer(generator):
    sampler, wish = generator.samplers[generator.kind](4), Guidance(signal=tint((0.5, 0.0, -0.5)))
    if generator.kind == "raster":
        with pytest.raises(Unreachable, match="the generator decides one token after another"):
            plan(generator, [wish], sampler=sampler, encoders=ENCODERS, energies=energies())
        return
    decided = plan(generator, [wish], sampler=sampler, encoders=ENCODERS, energies=energies())
    result = synthesize(generator, sampler, decided, seeds=(1,))
    assert decided.gradients == 4
    assert not result.state.undecided.any()


def test_a_plan_counts_every_pass(generator):
    decided = plan(generator, [], sampler=generator.samplers[generator.kind](4), encoders={}, energies={})
    assert (decided.steps, decided.evaluations) == (4, CELLS if generator.kind == "raster" else 4)
