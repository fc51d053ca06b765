"""Priors imagine places, and the generator tells them to its denoiser."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
import torch
from torch.nn import functional

from misen.core.condition import Condition
from misen.core.errors import ModelFileError
from misen.core.generator import Level, Rereading
from misen.core.seeding import Streams
from misen.generators.diffusion import folder as files
from misen.generators.diffusion.denoiser import Denoiser, DenoiserSettings
from misen.generators.diffusion.ports import PortSettings
from misen.generators.diffusion.samplers import Ddim, DpmSolver
from misen.generators.diffusion.unclip.autoregressive_prior import AutoregressivePrior, drawn
from misen.generators.diffusion.unclip.codes import Codes, Levels
from misen.generators.diffusion.unclip.diffusion_prior import DiffusionPrior
from misen.generators.diffusion.unclip.folder import CONFIG, PRIOR, WEIGHTS, build, describe
from misen.generators.diffusion.unclip.generator import UnclipGenerator
from misen.generators.diffusion.unclip.places import PLACE, TABLE, Standard, likeliest
from misen.generators.diffusion.unclip.players import PriorPlayer
from misen.generators.diffusion.unclip.prior import Prior, PriorSettings
from misen.generators.diffusion.unclip.prompts import Prompts, WholeReader
from misen.generators.diffusion.unclip.transformer import CausalTransformer
from misen.perception.joint import WIDTH, joint_a
from misen.synthesis import plan, synthesize

SMALL = PriorSettings(width=24, layers=2, heads=2, words=6, components=5, levels=8)
FORMS = {"diffusion": DiffusionPrior, "autoregressive": AutoregressivePrior}
LENGTH, WORDS = 3, WIDTH + 2
LEVEL = Level(0.3, 0.8, 0.5)


def units(count: int, seed: int = 0) -> torch.Tensor:
    draws = torch.randn(count, WIDTH, generator=torch.Generator().manual_seed(seed))
    return functional.normalize(draws, dim=1)


def prompts(count: int, length: int = 4, seed: int = 0, words: int = SMALL.words) -> Prompts:
    draw = torch.Generator().manual_seed(seed)
    states = torch.randn(count, length, words, generator=draw)
    counted = torch.arange(length) < torch.randint(1, length + 1, (count, 1), generator=draw)
    return Prompts(states, counted, units(count, seed + 1))


@pytest.fixture(params=FORMS)
def prior(request):
    torch.manual_seed(0)
    made = FORMS[request.param](SMALL).eval()
    made.fit(units(200), units(100, seed=7))
    return made


# --- the transformer -------------------------------------------------------------------------------------------------


@pytest.fixture
def transformer():
    torch.manual_seed(0)
    return CausalTransformer(12, 2, 3)


def test_what_is_read_in_parts_is_read_as_a_whole(transformer):
    x, counted = torch.randn(2, 7, 12), torch.tensor([[1, 1, 0, 1, 1, 1, 1], [1, 1, 1, 1, 0, 1, 1]]).bool()
    whole, _ = transformer(x, counted, transformer.begin(x))
    first, past = transformer(x[:, :4], counted[:, :4], transformer.begin(x))
    second, past = transformer(x[:, 4:], counted[:, 4:], past)
    assert torch.allclose(torch.cat([first, second], 1), whole, atol=1e-5)
    assert torch.equal(past.counted, counted)


def test_nothing_looks_ahead_or_at_what_does_not_count(transformer):
    x, counted = torch.randn(1, 5, 12), torch.tensor([[True, False, True, True, True]])
    before, _ = transformer(x, counted, transformer.begin(x))
    x[:, [1, 4]] += torch.randn(12)
    after, _ = transformer(x, counted, transformer.begin(x))
    same = (after - before).abs().amax(2)[0] < 1e-6
    assert same.tolist() == [True, False, True, True, False]


def test_a_past_can_be_gone_on_from_several_times(transformer):
    x, more = torch.randn(2, 3, 12), torch.randn(4, 1, 12)
    counted = torch.ones(2, 3, dtype=torch.bool)
    _, past = transformer(x, counted, transformer.begin(x))
    answer, _ = transformer(more, torch.ones(4, 1, dtype=torch.bool), past.repeat(2))
    alone, _ = transformer(more[1:2], torch.ones(1, 1, dtype=torch.bool), _first(past))
    assert torch.allclose(answer[1:2], alone, atol=1e-6)


def _first(past):
    keys, values = (tuple(part[:1] for part in each) for each in (past.keys, past.values))
    return type(past)(keys, values, past.counted[:1])


# --- places ----------------------------------------------------------------------------------------------------------


def test_standard_places_have_mean_0_and_deviation_1_and_come_back():
    standard, places = Standard(), units(500)
    standard.fit(places)
    assert torch.allclose(standard(places).mean(0), torch.zeros(WIDTH), atol=1e-5)
    assert torch.allclose(standard(places).std(0), torch.ones(WIDTH), atol=1e-5)
    assert torch.allclose(standard.invert(standard(places)), places, atol=1e-5)


def test_the_likeliest_candidate_is_kept():
    wholes = units(3)
    candidates = torch.stack([units(3, seed=1), wholes, units(3, seed=2)], 1)
    assert torch.equal(likeliest(candidates, wholes), wholes)


def test_levels_are_equally_frequent_and_centers_lie_inside_them():
    levels, values = Levels(2, 4), torch.stack([torch.randn(1000), torch.rand(1000) ** 3], 1)
    levels.fit(values)
    for column in levels(values).T:
        assert column.bincount().tolist() == pytest.approx([250] * 4, abs=3)
    every = torch.arange(4)[:, None].expand(-1, 2)
    assert torch.equal(levels(levels.center(every)), every)


def test_codes_say_more_the_more_of_them_there_are():
    places = functional.normalize(units(2000) * torch.linspace(5, 0, WIDTH).exp(), dim=1)

    def lost(components: int, levels: int) -> float:
        codes = Codes(components, levels)
        codes.fit(places)
        return float(1 - (codes.show(codes.spell(places)) * places).sum(1).mean())

    losses = [lost(2, 16), lost(16, 4), lost(16, 32), lost(64, 64)]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.02


def test_levels_are_drawn_as_often_as_they_are_probable():
    logits, chance = torch.tensor([0.2, 0.5, 0.3]).log().expand(1000, -1), (torch.arange(1000) + 0.5) / 1000
    assert drawn(logits, chance).bincount().tolist() == [200, 500, 300]
    assert drawn(logits[:2], torch.tensor([0.0, 1 - 1e-7])).tolist() == [0, 2]


# --- priors ----------------------------------------------------------------------------------------------------------


def test_an_imagined_place_is_a_function_of_the_prompt_and_of_chance(prior):
    given, draws = prompts(3), prior.draw(Streams([1, 2, 3]))
    places = prior.imagine(given, draws)
    assert isinstance(prior, Prior)
    assert torch.allclose(places.norm(dim=1), torch.ones(3), atol=1e-5)
    assert torch.equal(places, prior.imagine(given, draws))
    alone = Prompts(given.words[1:2], given.counted[1:2], given.wholes[1:2])
    assert torch.allclose(prior.imagine(alone, prior.draw(Streams([2]))), places[1:2], atol=1e-4)
    assert not torch.allclose(prior.imagine(given, prior.draw(Streams([4, 5, 6]))), places, atol=1e-3)


def test_padding_says_nothing(prior):
    given, draws = prompts(2), prior.draw(Streams([1, 2]))
    words = torch.cat([given.words, torch.randn(2, 3, SMALL.words)], 1)
    longer = Prompts(words, functional.pad(given.counted, (0, 3)), given.wholes)
    assert torch.allclose(prior.imagine(longer, draws), prior.imagine(given, draws), atol=1e-4)


def test_a_prior_learns_where_pictures_of_prompts_lie(prior):
    """Eight prompts with a place each: imagined places come to lie near their own."""
    given, places = prompts(8), units(8, seed=9)
    prior.fit(torch.cat([places, units(100, seed=5)]), given.wholes)
    goal = places
    if prior.form == "autoregressive":
        goal = prior.codes.show(prior.codes.spell(places))
        prior.degree.weight.requires_grad_(False).zero_()  # eight prompts could be told apart by it
    player = PriorPlayer(prior, lambda ids: given)
    optimizer = torch.optim.Adam(prior.parameters(), lr=5e-3)
    for step in range(150):
        loss, figures = player.loss({"captions": torch.zeros(8, 4), "places": places}, step)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert set(figures) == ({"first", "last"} if prior.form == "autoregressive" else {"clear", "noisy"})
    cosines = prior.imagine(given, prior.draw(Streams(range(8)))) @ goal.T
    assert (cosines.argmax(1) == torch.arange(8)).sum() >= 7


def test_a_prior_is_rebuilt_from_its_description_and_nonsense_is_refused(prior, tmp_path):
    again = build(json.loads(json.dumps(describe(prior))), tmp_path)
    assert (again.form, again.settings) == (prior.form, prior.settings)
    for wrong in ({}, {"form": "psychic"}, {"form": "diffusion", "size": 3}, {"form": "diffusion", "heads": 5}):
        with pytest.raises(ModelFileError, match="describes no prior"):
            build(wrong, tmp_path)


# --- prompts ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def joint():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return joint_a().eval().requires_grad_(False)


def ids(joint, sentences):
    return joint.words.tokenizer(sentences, padding="max_length", return_tensors="pt").input_ids


SENTENCES = ["a bald man", "an old woman with a hat and round glasses"]


def test_prompts_are_read_up_to_their_end(joint):
    read = Prompts.read(joint, ids(joint, SENTENCES))
    assert read.counted.sum(1).tolist() == [len(tokens) for tokens in joint.words.tokenize(SENTENCES)]
    assert read.words.shape[1] == read.counted.sum(1).max()
    assert torch.allclose(read.wholes, joint.text(SENTENCES), atol=1e-5)


class Usual:
    """An encoder that has read some words."""

    layouts = ("tokens",)

    def __init__(self, words):
        self.words = words

    def width(self, layout):
        return self.words.shape[2]

    def encode(self, signal, layout):
        return Condition.full(layout, self.words)


def test_prompts_travel_as_one_condition(joint):
    words = joint.words.model(input_ids=ids(joint, SENTENCES)).last_hidden_state
    reader = WholeReader(Usual(words), joint)
    condition = reader.encode(SimpleNamespace(prompts=SENTENCES), "tokens")
    read, arrived = Prompts.read(joint, ids(joint, SENTENCES)), Prompts.split(condition, 65)
    assert (condition.value.shape, reader.width("tokens")) == ((2, 65, 192), 192)
    longest = read.words.shape[1]
    assert torch.allclose(arrived.words[:, :longest], read.words, atol=1e-5)
    assert torch.equal(arrived.counted[:, :longest], read.counted)
    assert not arrived.counted[:, longest:].any()
    assert torch.allclose(arrived.wholes, read.wholes, atol=1e-5)


# --- the generator ---------------------------------------------------------------------------------------------------


@pytest.fixture
def unclip(generator, joint):
    """The small model of these tests with a prior, and ports for places."""
    torch.manual_seed(0)
    settings = DenoiserSettings(channels=(16, 32), heads=2, groups=4, tokens=WORDS, latent_size=8)
    table = [PortSettings("words", "tokens", WORDS, LENGTH), *TABLE]
    denoiser = Denoiser(settings.unet(), table, generator.stride)
    prior = DiffusionPrior(PriorSettings(width=24, layers=1, heads=2, words=WORDS))
    prior.fit(units(100), units(100))
    for network in (denoiser, prior):
        for parameter in network.requires_grad_(False).eval().parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    for network in (denoiser, prior, joint):
        network.half().float()
    return UnclipGenerator(denoiser, generator.autoencoder, generator.tiny, joint=joint, prior=prior)


@pytest.fixture
def words():
    """A condition of two prompts, with their wholes."""
    given = prompts(2, LENGTH, words=WORDS)
    value = torch.cat([given.words, functional.pad(given.wholes, (0, WORDS - WIDTH))[:, None]], 1)
    return Condition.full("tokens", value, functional.pad(given.counted, (0, 1), value=True))


def test_words_are_told_beside_the_place_that_is_imagined_of_them(unclip, words):
    state = unclip.start(2, Streams([1, 2]))
    place = unclip.prior.imagine(Prompts.split(words, LENGTH + 1), state.imagination.draws)
    plain = Condition.full("tokens", words.value[:, :LENGTH])
    answer = unclip.predict(state, LEVEL, {"words": words}).point
    assert torch.allclose(answer, unclip.predict(state, LEVEL, {"words": plain, **unclip.told(place)}).point, atol=1e-5)
    assert not torch.allclose(answer, unclip.predict(state, LEVEL, {"words": plain}).point, atol=1e-3)
    assert list(unclip.ports) == ["words"]


def test_a_place_that_is_given_takes_the_place_of_the_imagined_one(unclip, words):
    state, told = unclip.start(2, Streams([1, 2])), unclip.told(units(2))
    plain = Condition.full("tokens", words.value[:, :LENGTH])
    expected = unclip.predict(state, LEVEL, {"words": plain, **told}).point
    assert torch.equal(unclip.predict(state, LEVEL, {"words": words, **told}).point, expected)


def test_absent_words_are_no_words(unclip, words):
    state = unclip.start(2, Streams([1, 2]))
    nothing = unclip.predict(state, LEVEL, {}).point
    assert torch.allclose(unclip.predict(state, LEVEL, {"words": words.where(torch.zeros(2).bool())}).point, nothing)
    half = unclip.predict(state, LEVEL, {"words": words.where(torch.tensor([True, False]))}).point
    assert torch.allclose(half[1], nothing[1], atol=1e-5)
    assert not torch.allclose(half[0], nothing[0], atol=1e-3)


def test_a_place_is_imagined_once_in_a_walk(unclip, words, monkeypatch):
    calls, imagine = [], unclip.prior.imagine
    monkeypatch.setattr(unclip.prior, "imagine", lambda *given: calls.append(given) or imagine(*given), raising=False)
    state = unclip.start(2, Streams([1, 2]))
    for sampler in (DpmSolver(3), Ddim(3)):
        for level in sampler.levels(guided=False):
            state = sampler.step(state, level, lambda s, at: unclip.predict(s, at, {"words": words}), Streams([1, 2]))
    assert len(calls) == 1


def test_several_sets_of_conditions_are_answered_at_once(unclip, words):
    state = unclip.start(2, Streams([1, 2]))
    asked = [{}, {"words": words}, {"words": words, **unclip.told(units(2))}]
    one_by_one = [unclip.predict(state, LEVEL, conditions).point for conditions in asked]
    unclip.exact = (unclip.denoiser, unclip.autoencoder, unclip.tiny)
    at_once = [estimate.point for estimate in unclip.predict_jointly(state, LEVEL, asked)]
    assert all(torch.allclose(one, two, atol=1e-4) for one, two in zip(one_by_one, at_once, strict=True))


def test_a_state_is_kept_with_what_chance_decided(unclip, words):
    state = unclip.restart(torch.randn(1, 4, 8, 8), LEVEL, Streams([3]))
    again = unclip.unpack(unclip.pack(state))
    given = {"words": words[:1]}
    assert torch.equal(unclip.predict(again, LEVEL, given).point, unclip.predict(state, LEVEL, given).point)
    with pytest.raises(ModelFileError, match="has draws"):
        unclip.unpack({"latents": state.value})


def test_a_picture_depends_on_its_seed_alone(unclip, joint):
    sampler = DpmSolver(2)
    whole = plan(unclip, [], sampler=sampler, encoders={}, energies={})
    both = synthesize(unclip, sampler, whole, seeds=[5, 6]).images
    assert torch.allclose(both[1:], synthesize(unclip, sampler, whole, seeds=[6]).images, atol=1e-4)
    assert isinstance(unclip, Rereading)
    assert list(unclip.own_encoders({"words": Usual(torch.zeros(1, LENGTH, WORDS))})) == ["words"]


@pytest.mark.parametrize("form", FORMS)
def test_a_folder_comes_back_with_its_prior(unclip, words, tmp_path, form):
    torch.manual_seed(1)
    sizes = PriorSettings(width=24, layers=1, heads=2, words=WORDS, components=4, levels=8)
    unclip.prior = FORMS[form](sizes).half().float().eval()
    unclip.prior.fit(units(300).half().float(), units(200).half().float())
    unclip.prior.half().float()
    files.save(unclip, tmp_path)
    again = files.load(tmp_path)
    assert (type(again), again.prior.form) == (UnclipGenerator, form)
    answers = [some.predict(some.start(2, Streams([1, 2])), LEVEL, {"words": words}).point for some in (unclip, again)]
    assert torch.allclose(*answers, atol=1e-4)
    assert torch.allclose(*(some.place(torch.zeros(1, 3, 32, 32)) for some in (again, unclip)), atol=1e-5)
    assert not any(parameter.requires_grad for parameter in again.prior.parameters())


def test_an_altered_prior_is_refused(unclip, tmp_path):
    files.save(unclip, tmp_path)
    (tmp_path / PRIOR / CONFIG).write_text('{"form": "psychic"}')
    with pytest.raises(ModelFileError, match="describes no prior"):
        files.load(tmp_path)
    files.save(unclip, tmp_path)
    content = bytearray((tmp_path / PRIOR / WEIGHTS).read_bytes())
    content[-1] ^= 1
    (tmp_path / PRIOR / WEIGHTS).write_bytes(content)
    with pytest.raises(ModelFileError, match="was altered"):
        files.load(tmp_path)


def test_the_ports_of_a_place_learn(unclip):
    state = unclip.start(1, Streams([0]))
    places = units(1).requires_grad_()
    unclip.predict(state, LEVEL, unclip.told(places)).point.sum().backward()
    assert places.grad.abs().max() > 0
    assert unclip.told(places)[PLACE].value.std().item() == pytest.approx(1, abs=0.1)
