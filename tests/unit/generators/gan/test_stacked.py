"""The stacked generator: stages, words that places look at, critics that refuse wrong words, contrasts with them."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from misen.core.condition import Condition
from misen.core.errors import ModelFileError
from misen.core.generator import Centred, Generator, Level, Storable
from misen.core.seeding import Streams
from misen.generators.gan import folder
from misen.generators.gan.samplers import Walk
from misen.generators.gan.stacked.conditioning import Conditioning, WordsPort
from misen.generators.gan.stacked.contrast import Contrast, ContrastWeights, Spoken
from misen.generators.gan.stacked.discriminator import CriticSettings, StackedDiscriminator
from misen.generators.gan.stacked.generator import StackedGenerator
from misen.generators.gan.stacked.network import StackedNetwork, StackedSettings
from misen.generators.gan.stacked.players import CriticsPlayer, StackedGame, StackedPlayer, StackedRules
from misen.nn.adversarial import ADVERSARIAL
from misen.nn.fusion.cross_attention import MatrixAttention
from misen.nn.word_matching import WordMatching
from misen.perception.claims import WIDTH

TABLE = [WordsPort("sentence", 6, 4), WordsPort("traits", 5, 3)]
SETTINGS = StackedSettings(draws=8, width=8, mapping_layers=2, channels=[8, 8, 8], stages=2, heads=2)
SIZES = [16, 32]
LEVEL = Level(0.0)


@pytest.fixture
def generator() -> StackedGenerator:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return StackedGenerator(StackedNetwork(SETTINGS, TABLE).requires_grad_(False).eval())


@pytest.fixture
def critics() -> StackedDiscriminator:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return StackedDiscriminator(CriticSettings((8, 8, 8), 16, 8), TABLE, SIZES)


def sentences(count: int, seed: int = 0) -> Condition:
    draw = torch.Generator().manual_seed(seed)
    return Condition.full("tokens", torch.randn(count, 4, 6, generator=draw), torch.ones(count, 4, dtype=torch.bool))


def traits(count: int, told: list[int]) -> Condition:
    """The traits at the places ``told``; the others are open."""
    draw = torch.Generator().manual_seed(9)
    mask = torch.zeros(count, 3, dtype=torch.bool)
    mask[:, told] = True
    return Condition.full("tokens", torch.randn(count, 3, 5, generator=draw), mask)


def batch(count: int = 4, contradicted: bool = True) -> dict:
    draw = torch.Generator().manual_seed(2)
    told = {"sentence": sentences(count), "traits": traits(count, [0, 2])}
    others = torch.arange(count).roll(1)
    return {
        "pictures": torch.rand(count, 3, 32, 32, generator=draw) * 2 - 1,
        "conditions": told,
        "strange": {name: condition[others] for name, condition in told.items()},
        "contradicted": torch.full((count,), contradicted),
    }


# --- what is told ----------------------------------------------------------------------------------------------------


def test_an_absent_port_a_null_condition_and_a_token_that_does_not_count_are_nothing():
    torch.manual_seed(0)
    reads = Conditioning(TABLE, 8)
    nothing = reads.words({}, 2)
    assert nothing.shape == (2, 7, 8)
    assert nothing.abs().max() == 0
    absent = sentences(2).where(torch.zeros(2, dtype=torch.bool))
    assert torch.equal(reads.words({"sentence": absent}, 2), nothing)
    assert torch.equal(reads.words({"traits": traits(2, [])}, 2), nothing)
    assert reads.sentence(nothing).abs().max() == 0
    half = sentences(2).where(torch.tensor([True, False]))
    assert torch.equal(reads.words({"sentence": half}, 2)[1], nothing[1])
    assert reads.words({"sentence": half}, 2)[0].abs().max() > 0
    some = reads.words({"traits": traits(2, [1])}, 2)
    assert (some.abs().amax(dim=2) > 0).tolist() == [[False, False, False, False, False, True, False]] * 2


def test_two_sentences_are_read_as_the_mean_of_both_and_two_traits_side_by_side():
    torch.manual_seed(0)
    reads = Conditioning(TABLE, 8)
    first, second = sentences(2, 0), sentences(2, 1)
    both = Condition.full("tokens", torch.cat([first.value, second.value], 1), torch.ones(2, 8, dtype=torch.bool))
    words = [reads.words({"sentence": one}, 2) for one in (both, first, second)]
    assert torch.allclose(words[0], (words[1] + words[2]) / 2, atol=1e-6)
    one, other = traits(2, [0]), traits(2, [2])
    mask = torch.cat([one.mask, other.mask], 1)
    joined = Condition.full("tokens", torch.cat([one.value, other.value], 1), mask)
    apart = reads.words({"traits": traits(2, [0, 2])}, 2)
    assert torch.allclose(reads.words({"traits": joined}, 2), apart, atol=1e-6)


# --- the generator ---------------------------------------------------------------------------------------------------


def test_each_stage_has_a_picture_of_its_size(generator):
    assert isinstance(generator, Generator)
    assert isinstance(generator, Storable)
    state = generator.start(2, Streams([1, 2]))
    assert [tuple(some.shape) for some in generator.stages(state)] == [(2, 3, size, size) for size in SIZES]
    assert generator.finish(state).shape == (2, 3, generator.size, generator.size)
    assert generator.finish(state).abs().max() <= 1
    default = StackedSettings()
    assert default.sizes == [16, 32, 64]


def test_a_finer_stage_adds_to_the_coarser_one(generator):
    state = generator.start(1, Streams([3]))
    for grid in generator.networks.grids[-1:]:
        grid.exit.conv.weight.zero_()
    coarse, fine = generator.stages(state)
    assert torch.allclose(nn.functional.interpolate(coarse, (32, 32), mode="bilinear"), fine, atol=1e-6)


def test_the_null_condition_is_the_absent_port(generator):
    state = generator.start(2, Streams([1, 2]))
    absent = sentences(2).where(torch.zeros(2, dtype=torch.bool))
    silent, null = (generator.predict(state, LEVEL, given).point for given in ({}, {"sentence": absent}))
    told = generator.predict(state, LEVEL, {"sentence": sentences(2)}).point
    assert torch.equal(silent, null)
    assert torch.equal(silent, state.value)
    assert (told - silent).abs().max() > 1e-3
    assert all(port.mixable and port.layout == "tokens" for port in generator.ports.values())


def test_words_change_the_finer_stage_even_where_the_latents_stay(generator):
    state = generator.start(1, Streams([1]))
    point = state.value.clone()
    point[:, generator.networks.layers :] = torch.randn(1, 7, 8)
    plain, wordy = generator.stages(state), generator.stages(state.at(point))
    assert torch.equal(plain[0], wordy[0])
    assert (plain[1] - wordy[1]).abs().max() > 1e-4


def test_a_walk_takes_what_is_told_at_its_first_step_and_stays_where_it_was_moved(generator):
    state, sampler = generator.start(2, Streams([4, 5])), Walk(3)
    given = {"sentence": sentences(2), "traits": traits(2, [1])}

    def predict(state, level):
        return generator.predict(state, level, given)

    expected = generator.networks.decide(state.noise, given)
    for level in sampler.levels(guided=True):
        state = sampler.step(state, level, predict, Streams([4, 5]))
    assert torch.equal(state.value, expected)
    assert torch.equal(generator.finish(state), predict(state, LEVEL).view(state.value).image)
    moved = state.moved(state.value + 1)
    assert torch.equal(predict(moved, LEVEL).point, moved.value)


def test_points_of_one_picture_do_not_depend_on_its_batch(generator):
    several = generator.start(3, Streams([7, 8, 9]))
    alone = generator.start(1, Streams([8]))
    assert torch.allclose(generator.finish(several)[1:2], generator.finish(alone), atol=1e-5)


def test_gradients_reach_latents_and_words_through_the_view(generator):
    state = generator.start(2, Streams([1, 2]))
    estimate = generator.predict(state, LEVEL, {"sentence": sentences(2)})
    point = estimate.point.clone().requires_grad_()
    estimate.view(point).image.square().sum().backward()
    gradient = point.grad.abs().amax(dim=(0, 2))
    assert (gradient[: generator.networks.layers] > 0).all()
    assert (gradient[generator.networks.layers :][:4] > 0).all()


def test_what_is_typical_is_the_mean_of_what_is_drawn(generator):
    assert isinstance(generator, Centred)
    state = generator.start(200, Streams(range(200)))
    generator.networks.settle(state.noise)
    typical = generator.typical(state)
    assert torch.allclose(typical[0], state.value.mean(dim=0), atol=1e-5)
    assert torch.equal(generator.typical(state.moved(state.value)), state.value)


def test_attention_can_be_read_for_each_word(generator):
    state = generator.start(2, Streams([1, 2]))
    given = {"sentence": sentences(2), "traits": traits(2, [1])}
    told = state.moved(generator.predict(state, LEVEL, given).point)
    maps = generator.attention(told)
    assert {side: tuple(one.shape) for side, one in maps.items()} == {16: (2, 7, 16, 16)}
    assert torch.allclose(maps[16].sum(dim=1), torch.ones(2, 16, 16), atol=1e-5)
    silent = maps[16][:, [4, 6]]  # traits that are left open
    assert torch.allclose(silent[:, 0], silent[:, 1])
    assert maps[16][:, 0].std() > 0
    processors = {type(one.processor) for one in generator.networks.modules() if hasattr(one, "processor")}
    assert processors == {MatrixAttention}


def test_a_state_can_be_kept(generator):
    state = generator.start(2, Streams([1, 2]))
    again = generator.unpack(generator.pack(state))
    assert torch.equal(generator.finish(again), generator.finish(state))
    assert not again.drawn
    with pytest.raises(ModelFileError, match=r"point \(B, 15, 8\) and noise"):
        generator.unpack({"point": state.value[:, 1:], "noise": state.noise})
    repeated = state.repeat(2)
    assert torch.allclose(generator.finish(repeated)[::2], generator.finish(state), atol=1e-5)


def test_a_model_can_be_kept_in_a_folder(generator, tmp_path):
    generator.card["name"] = "avatars/toy"
    folder.save(generator, tmp_path / "model")
    again = folder.load(tmp_path / "model")
    assert again.architecture == generator.architecture
    assert again.card["kind"] == "stacked"
    pictures = [one.finish(one.start(1, Streams([1]))) for one in (generator, again)]
    assert (pictures[0] - pictures[1]).abs().max() < 0.05  # halves


# --- the critics -----------------------------------------------------------------------------------------------------


def test_each_size_has_a_critic_of_its_own(critics):
    pictures = [torch.randn(2, 3, size, size) for size in SIZES]
    verdicts = critics.judge(critics.look(pictures), {})
    assert verdicts.shape == (2, 2)
    assert len({len(critic.blocks) for critic in critics.critics}) == 2


def test_an_absent_condition_leaves_the_critics_with_the_picture_alone(critics):
    seen = critics.look([torch.randn(2, 3, size, size) for size in SIZES])
    none = torch.zeros(2, dtype=torch.bool)
    silent = critics.judge(seen, {})
    assert torch.equal(critics.judge(seen, {"sentence": sentences(2).where(none)}), silent)
    bare = torch.stack([critic.real(some).squeeze(1) for critic, some in zip(critics.critics, seen, strict=True)])
    assert torch.equal(silent, bare)
    assert not torch.equal(critics.judge(seen, {"sentence": sentences(2)}), silent)


def test_critics_that_are_told_nothing_do_not_listen():
    deaf = StackedDiscriminator(CriticSettings((8, 8, 8), 16, 8), [], SIZES)
    seen = deaf.look([torch.randn(2, 3, size, size) for size in SIZES])
    assert torch.equal(deaf.judge(seen, {"sentence": sentences(2)}), deaf.judge(seen, {}))


def game(generator: StackedGenerator, critics: StackedDiscriminator, **changes) -> StackedGame:
    rules = StackedRules(augmentations=(), **changes)
    return StackedGame(generator.networks.requires_grad_(True), critics, rules)


def test_wrong_words_have_a_gradient_of_their_own(generator, critics):
    table = game(generator, critics, penalty=0.0)
    player = CriticsPlayer(table)
    table.made = [torch.zeros(4, 3, size, size) for size in SIZES]
    right, _ = player.loss(batch(contradicted=False), 1)
    wrong, figures = player.loss(batch(contradicted=True), 1)
    assert right != wrong
    assert 0 <= figures["ranked"] <= 1
    told = list(critics.conditioning.entrances.parameters())
    gradients = torch.autograd.grad(wrong, told, allow_unused=True)
    assert any(gradient is not None and gradient.abs().max() > 0 for gradient in gradients)


def test_critics_learn_which_words_belong_to_which_picture(generator, critics):
    """Made pictures look like nothing, so all that there is to learn here is which words are wrong."""
    table = game(generator, critics, penalty=0.0)
    player, given = CriticsPlayer(table), batch()
    table.made = [torch.zeros(4, 3, size, size) for size in SIZES]
    optimizer = torch.optim.Adam(critics.parameters(), lr=0.003)
    first = player.loss(given, 1)[0].item()
    for _ in range(60):
        optimizer.zero_grad()
        loss, figures = player.loss(given, 1)
        loss.backward()
        optimizer.step()
    assert loss.item() < first / 2
    assert figures["ranked"] == 1


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_every_player_moves_under_every_loss(generator, critics, name):
    table = game(generator, critics, adversarial=name)
    for player in table.players():
        loss, _ = player.loss(batch(), 0)
        learns = [p for p in player.module.parameters() if p.requires_grad]
        gradients = torch.autograd.grad(loss, learns, allow_unused=True)
        assert math.isfinite(loss.item())
        assert sum(gradient.abs().sum() for gradient in gradients if gradient is not None) > 0


def test_the_generator_hears_words_through_the_critics(generator, critics):
    table = game(generator, critics)
    loss, _ = StackedPlayer(table).loss(batch(), 0)
    entrances = table.networks.conditioning.entrances
    for name in ("sentence", "traits"):
        (gradient,) = torch.autograd.grad(loss, entrances[name].project.weight, retain_graph=True)
        assert gradient.abs().max() > 0, name
    assert [tuple(some.shape[2:]) for some in table.made] == [(size, size) for size in SIZES]
    assert not any(some.requires_grad for some in table.made)


def test_penalties_come_in_one_step_of_several_and_weigh_as_much_more(generator, critics):
    table = game(generator, critics, penalty=2.0, penalty_every=4)
    table.made = [torch.rand(4, 3, size, size) for size in SIZES]
    player, given = CriticsPlayer(table), batch()
    without, told = player.loss(given, 1)
    due, figures = player.loss(given, 4)
    assert "penalty" not in told
    assert due.item() == pytest.approx(without.item() + 0.5 * 2.0 * 4 * figures["penalty"], rel=1e-4)


# --- contrasts -------------------------------------------------------------------------------------------------------


class Eyes:
    """A joint embedding in miniature: colors of four quarters."""

    scale = torch.tensor(5.0)

    def look(self, images):
        regions = nn.functional.adaptive_avg_pool2d(images, 2)
        return regions, nn.functional.normalize(regions.flatten(1), dim=1)


def spoken(count: int = 4) -> dict:
    draw = torch.Generator().manual_seed(5)
    shown = torch.zeros(count, WIDTH, dtype=torch.bool)
    shown[torch.arange(count), torch.arange(count)] = True
    counted = torch.tensor([[False, True, True, False]]).repeat(count, 1)
    return {
        "rows": torch.tensor([True, True, False, True])[:count],
        "tokens": torch.randn(count, 4, 6, generator=draw),
        "counted": counted,
        "places": nn.functional.normalize(torch.randn(count, 12, generator=draw), dim=1),
        "denied": ~shown,
        "shown": shown,
    }


def contrast(**weights: float) -> Contrast:
    torch.manual_seed(3)
    return Contrast(Eyes(), ContrastWeights(**weights), WordMatching(3, 6, features=8))


def test_who_was_told_nothing_is_not_contrasted_and_tokens_that_are_no_words_are_cut():
    some = Spoken.of({**batch(), "spoken": spoken()})
    assert (len(some.pictures), some.tokens.shape, some.counted.all().item()) == (3, (3, 2, 6), True)
    assert torch.equal(some.also_true, torch.eye(3, dtype=torch.bool))


def test_a_sentence_that_is_true_of_another_picture_too_is_no_negative():
    told = spoken()
    told["denied"][0] = False
    some = Spoken.of({**batch(), "spoken": told})
    assert some.also_true[0].all()
    assert some.also_true[1:].sum() == 2


@pytest.mark.parametrize("name", ["sentence", "words", "real"])
def test_each_contrast_pulls_at_the_picture(name):
    some = Spoken.of({**batch(), "spoken": spoken()})
    made = some.pictures.roll(1, 0).clone().requires_grad_()
    total, figures = contrast(**{name: 2.0}).hold(made, some)
    assert total.item() == pytest.approx(2 * figures[name], rel=1e-5)
    total.backward()
    assert made.grad.abs().max() > 0


def test_the_contrast_with_real_pictures_is_least_for_these():
    some = Spoken.of({**batch(), "spoken": spoken()})
    right, _ = contrast(real=1.0).hold(some.pictures, some)
    wrong, _ = contrast(real=1.0).hold(some.pictures.roll(1, 0), some)
    assert right < wrong


def test_matching_learns_from_real_pictures_and_the_generator_does_not_teach_it(generator, critics):
    held = contrast(words=1.0)
    table = game(generator, critics)
    table.contrast = held
    names = [player.name for player in table.players()]
    assert names == ["generator", "critics", "matching"]
    given = {**batch(), "spoken": spoken()}
    players = {player.name: player for player in table.players()}
    optimizer = torch.optim.Adam(held.matching.parameters(), lr=0.02)
    first = players["matching"].loss(given, 0)[0].item()
    for _ in range(20):
        optimizer.zero_grad()
        loss, _ = players["matching"].loss(given, 0)
        loss.backward()
        optimizer.step()
    assert loss.item() < first
    pleased, figures = players["generator"].loss(given, 0)
    assert set(figures) == {"words"}
    assert math.isfinite(pleased.item())


def test_weights_of_contrasts_say_whether_there_are_any():
    assert not ContrastWeights()
    assert replace(ContrastWeights(), words=0.1)
