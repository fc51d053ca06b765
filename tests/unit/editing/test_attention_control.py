from __future__ import annotations

import pytest
import torch

from misen.core.generator import Level, Precise, Projectable, Startable
from misen.core.generator import answering as wrapped
from misen.core.seeding import Streams
from misen.editing import attention_control
from misen.editing.attention_control import AttentionControl, Past, Sharing, hot
from misen.editing.words import compare, factors, spell
from misen.modalities.text.signal import Text
from misen.synthesis import Resume, synthesize
from toys import Cloud

SOURCE, SWAPPED, REFINED = "a man with a black hat", "a man with a red hat", "a man with a black hat and glasses"
SEED = 7


@pytest.fixture
def control(tell, speller):
    """Control of a target by a source from a seed, its plan, and what plain sampling makes of both."""

    def controlled(family, target, *, weights=(), cross=1.0, itself=1.0, blend=False):
        generator, sampler = family
        states, ends = {}, []

        def remember(moment):
            ends.append(moment.estimate.point)

        plain = generator.predict
        generator.predict = lambda state, level, given: (states.update({level: state}), plain(state, level, given))[1]
        source = synthesize(generator, sampler, tell(generator, sampler, SOURCE), seeds=[SEED], watch=remember)
        generator.predict = plain
        one, other = (spell(speller.tokenizer, prompt) for prompt in (SOURCE, target))
        sharing = Sharing(compare(one, other), factors(other, dict(weights)), cross, itself, blend)
        words, told = (speller.encode(Text(prompt), "tokens") for prompt in (SOURCE, target))
        answering = AttentionControl(generator, "text", told, Past(words, states, ends[-1]), sharing)
        plans = tell(generator, sampler, target)
        return answering, plans, source, synthesize(generator, sampler, plans, seeds=[SEED])

    return controlled


def walk(answering, sampler, plans):
    start = Resume(answering.past.states[sampler.levels(guided=False)[0]])
    return synthesize(wrapped(answering.generator, answering.predict), sampler, plans, seeds=[SEED], start=start)


def unlike(first, second) -> float:
    return (first.images - second.images).abs().max().item()


def test_identical_prompts_make_the_source_again(family, control):
    answering, plans, source, _ = control(family, SOURCE)
    assert unlike(walk(answering, family[1], plans), source) < 1e-4


def test_with_our_own_network_to_the_last_bit(ours, control):
    answering, plans, source, _ = control(ours, SOURCE)
    assert torch.equal(walk(answering, ours[1], plans).images, source.images)


def test_nothing_shared_is_plain_sampling(family, control):
    answering, plans, source, plain = control(family, SWAPPED, cross=0.0, itself=0.0)
    assert torch.equal(walk(answering, family[1], plans).images, plain.images)
    assert unlike(plain, source) > 1e-3


@pytest.mark.parametrize("shares", [(1.0, 0.0), (0.0, 1.0), (0.6, 0.4)])
def test_either_share_changes_what_comes_out(family, control, shares):
    cross, itself = shares
    answering, plans, _, plain = control(family, SWAPPED, cross=cross, itself=itself)
    assert unlike(walk(answering, family[1], plans), plain) > 1e-4


def test_all_shared_makes_the_target_look_as_the_source_looks(family, control, monkeypatch):
    answering, plans, _, _ = control(family, SWAPPED)
    read, written, write = [], [], attention_control._Writing.__call__

    def noting(self, maps, *, crossing):
        written.append(write(self, maps, crossing=crossing))
        return written[-1]

    def reading(self, maps, *, crossing):
        self.maps.append(maps)
        read.append(maps)
        return maps

    monkeypatch.setattr(attention_control._Writing, "__call__", noting)
    monkeypatch.setattr(attention_control._Reading, "__call__", reading)
    walk(answering, family[1], plans)
    assert len(read) == len(written) > 5
    assert all(torch.equal(source, target) for source, target in zip(read, written, strict=True))


def test_the_share_of_the_walk_ends(ours, control):
    answering, _, _, _ = control(ours, SWAPPED, cross=0.6, itself=0.2)
    crossing, itself = (
        [answering.sharing.concerns(level, crossing=kind, places=64) for level in ours[1].levels(guided=False)]
        for kind in (True, False)
    )
    assert crossing == [True, True, True, False, False]
    assert itself == [True, False, False, False, False]
    assert not answering.sharing.concerns(Level(0.0), crossing=False, places=64**2)


def test_weights_of_one_change_nothing(family, control):
    settings = {"cross": 0.6, "itself": 0.4}
    sampler = family[1]
    plainly, plans, _, _ = control(family, REFINED, **settings)
    weighed, _, _, _ = control(family, REFINED, weights={"hat": 1.0}, **settings)
    heavier, _, _, _ = control(family, REFINED, weights={"hat": 3.0}, **settings)
    made = walk(plainly, sampler, plans)
    assert torch.equal(made.images, walk(weighed, sampler, plans).images)
    assert unlike(made, walk(heavier, sampler, plans)) > 1e-4


def test_added_words_keep_their_own_maps(ours, control):
    sharing = control(ours, REFINED)[0].sharing
    source, target = torch.rand(1, 2, 9, 66).softmax(-1), torch.rand(3, 2, 9, 66).softmax(-1)
    made, added = sharing.translate(source, target), sharing.words.added
    assert added.sum() == 2
    assert torch.equal(made[..., :64][..., added], target[..., :64][..., added])
    assert torch.equal(made[..., :6], source.expand_as(made)[..., :6])
    assert torch.equal(made[..., 64:], source.expand_as(made)[..., 64:])


def test_weights_leave_other_keys_alone(ours, control):
    sharing = control(ours, SWAPPED, weights={"red": 2.0}, cross=0.0)[0].sharing
    maps = torch.rand(1, 2, 9, 70)
    ratio = sharing.apply(maps, maps, Level(0.5)) / maps
    assert ratio.amax((0, 1, 2)).gt(1.5).nonzero().flatten().tolist() == [5]


def test_other_words_and_none_are_not_controlled(family, control, speller):
    answering, _, _, _ = control(family, SWAPPED)
    generator, level = family[0], Level(0.5, 1.0, 0.5)  # a level at which the source never was
    state = generator.start(1, Streams([3]))
    others = speller.encode(Text("a blurry picture"), "tokens")
    for conditions in ({}, {"text": others}):
        assert torch.equal(
            answering.predict(state, level, conditions).point, generator.predict(state, level, conditions).point
        )
    with pytest.raises(KeyError):
        answering.predict(state, level, {"text": answering.words})


def test_nothing_is_left_of_it(family, control, monkeypatch):
    generator, sampler = family
    usual = generator.network.attn_processors
    answering, plans, _, plain = control(family, SWAPPED)
    walk(answering, sampler, plans)
    assert generator.network.attn_processors == usual
    monkeypatch.setattr(Sharing, "apply", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        walk(answering, sampler, plans)
    assert generator.network.attn_processors == usual
    assert torch.equal(synthesize(generator, sampler, plans, seeds=[SEED]).images, plain.images)


def test_capabilities_are_the_generators_own(ours, control):
    control = control(ours, SWAPPED)[0]
    answering = wrapped(control.generator, control.predict)
    assert all(isinstance(answering, kind) for kind in (Startable, Projectable, Precise))


def test_several_targets_follow_one_source(ours, control):
    answering = control(ours, SWAPPED)[0]
    level = ours[1].levels(guided=False)[1]
    state, given = answering.past.states[level], answering.words
    one = answering.predict(state, level, {"text": given}).point
    three = answering.predict(state.at(state.value.repeat(3, 1, 1, 1)), level, {"text": given.repeat(3)}).point
    assert torch.allclose(three, one.expand_as(three), atol=1e-4)


def test_a_blend_keeps_what_looks_at_no_changed_word(family, control, monkeypatch):
    answering, plans, _, _ = control(family, SWAPPED, cross=0.4, itself=0.0, blend=True)
    half = torch.zeros(1, 1, 8, 8, dtype=torch.bool)
    half[..., :4] = True
    monkeypatch.setattr(attention_control, "hot", lambda heat: half)
    made = walk(answering, family[1], plans)
    value = made.state.x if isinstance(made.state, Cloud) else made.state.value
    changed = (value - answering.past.point).abs().amax(1)[0]
    assert changed[:, 4:].max() < 1e-4
    assert changed[:, :4].min() > 0


def test_a_blend_finds_the_places_by_the_maps(family, control):
    answering, plans, _, _ = control(family, SWAPPED, blend=True)
    walk(answering, family[1], plans)
    assert len(answering._heat) == 5
    assert {tuple(heat.shape) for heat in answering._heat.values()} == {(1, 2, 8, 8)}
    assert all(heat.min() > 0 for heat in answering._heat.values())


def test_a_blend_of_identical_prompts_is_the_source(family, control):
    answering, plans, source, _ = control(family, SOURCE, cross=0.0, itself=0.0, blend=True)
    assert unlike(walk(answering, family[1], plans), source) < 1e-4


def test_hot_places_and_their_neighbours():
    heat = torch.zeros(1, 2, 8, 8)
    heat[0, 0, 1, 1], heat[0, 0, 6, 6], heat[0, 1, 4, 1] = 1.0, 0.2, 0.5
    found = hot(heat)[0, 0]
    assert found[:3, :3].all()
    assert found[3:6, :3].all()
    assert found.sum() == 18
