"""Words of a picture are changed, with the picture made again from its seed or walked back."""

from __future__ import annotations

import pytest
import torch

from misen.core.errors import InputError, Unreachable
from misen.core.execution import Execution
from misen.core.guidance import Guidance
from misen.core.seeding import Streams
from misen.editing.canvas import Canvas
from misen.editing.methods.method import Edit
from misen.editing.methods.prompt_to_prompt import PromptToPrompt
from misen.generators.diffusion.generator import DiffusionGenerator
from misen.generators.diffusion.samplers import SAMPLERS
from misen.metrics.fidelity import psnr
from misen.modalities.text.signal import Text
from misen.synthesis import Resume, plan, synthesize
from toys import ENCODERS, Euler, ToyDiffusion, tint

SOURCE, TARGET = "a man with a black hat", "a man with a red hat"
SEED = 7


@pytest.fixture
def order(tell):
    """An edit of the picture that the source makes of the seed, and that picture."""

    def ordered(generator, sampler, target=TARGET, strength=1.0):
        source = synthesize(generator, sampler, tell(generator, sampler, SOURCE), seeds=[SEED])
        canvas = Canvas.fit(source.images, None, generator.size)
        plans = tell(generator, sampler, target)
        return Edit(generator=generator, sampler=sampler, plan=plans, canvas=canvas, strength=strength), source

    return ordered


def perform(method: PromptToPrompt, edit: Edit):
    beginning = method.begin(edit)
    return synthesize(beginning.generator, edit.sampler, edit.plan, seeds=[1], start=beginning.start)


def test_in_fewer_bits_the_picture_is_made_again_as_it_was_made(ours, order, monkeypatch):
    monkeypatch.setattr("misen.editing.methods.prompt_to_prompt.ALIKE", 60.0)
    plain, asked = DiffusionGenerator.predict_jointly, []
    monkeypatch.setattr(DiffusionGenerator, "predict_jointly", lambda *given: asked.append(1) or plain(*given))
    edit, source = order(ours[0].executed(Execution("bfloat16")), SAMPLERS["dpm++2m"](4))
    made = perform(PromptToPrompt(source=SOURCE, seed=SEED), edit)
    assert len(asked) == 4 + 4  # the picture, and the picture made again
    assert not torch.equal(made.images, source.images)


def test_options():
    given = {"source": '"a man"', "cross": "0", "self": ".25", "blend": "on", "weights": "hat=2;red hair=-0.5"}
    method = PromptToPrompt.of(given)
    assert (method.source, method.cross, method.self, method.blend) == ("a man", 0.0, 0.25, "on")
    assert method.options() == {**given, "source": "a man", "cross": 0.0, "self": 0.25, "seed": ""}
    assert PromptToPrompt.of(method.options()) == method
    assert (PromptToPrompt().cross, PromptToPrompt().self, PromptToPrompt(seed="12").seed) == (0.8, 0.4, 12)


@pytest.mark.parametrize(
    ("option", "value"),
    [("cross", 1.2), ("self", "some"), ("blend", "yes"), ("weights", "hat"), ("weights", "=2"), ("weights", "hat=nan"),
     ("weights", "hat=1e9"), ("seed", -1), ("seed", "1.5"), ("seed", True), ("source", 3)],
)  # fmt: skip
def test_senseless_options_are_refused(option, value):
    with pytest.raises(InputError, match=f"^{option} of method prompt-to-prompt must be "):
        PromptToPrompt.of({option: value})


@pytest.mark.parametrize("sampler", ["dpm++2m", "heun", "ddim"])
def test_from_the_seed_the_same_words_make_the_same_picture(ours, order, sampler):
    edit, source = order(ours[0], SAMPLERS[sampler](4), SOURCE)
    made = perform(PromptToPrompt(source=SOURCE, seed=SEED), edit)
    assert torch.equal(made.images, source.images)


def test_from_the_seed_other_words_change_it_less_than_plain_sampling_does(ours, order):
    edit, source = order(*ours)
    plain = synthesize(*ours, edit.plan, seeds=[SEED])
    made, nothing = (
        perform(PromptToPrompt(source=SOURCE, seed=SEED, cross=share, self=share), edit) for share in (1.0, 0.0)
    )
    assert torch.equal(nothing.images, plain.images)
    changes = [(some.images - source.images).square().mean() for some in (made, plain)]
    assert 0 < changes[0] < changes[1]


def test_a_foreign_network_is_controlled_too(family, order):
    edit, source = order(*family)
    made = perform(PromptToPrompt(source=SOURCE, seed=SEED), edit)
    again = perform(PromptToPrompt(source=SOURCE, seed=SEED), order(*family, SOURCE)[0])
    assert (made.images - source.images).abs().max() > 1e-4
    assert (again.images - source.images).abs().max() < 1e-4


def test_another_seed_is_refused(ours, order):
    with pytest.raises(InputError, match="seed 8 makes another picture of the source"):
        PromptToPrompt(source=SOURCE, seed=8).begin(order(*ours)[0])


def test_a_picture_without_a_seed_is_walked_back(ours, order, tell):
    generator, sampler = ours
    edit, source = order(generator, sampler)
    beginning = PromptToPrompt(source=SOURCE).begin(edit)
    assert isinstance(beginning.start, Resume)
    words = tell(generator, sampler, SOURCE, scale=1.0)
    rebuilt = synthesize(generator, sampler, words, seeds=[1], start=beginning.start)
    codec = generator.finish(generator.restart(generator.encode(edit.canvas.image), None, Streams([0])))
    assert psnr(rebuilt.images, codec) > 30
    made = perform(PromptToPrompt(source=SOURCE, blend="on"), edit)
    assert made.images.isfinite().all()
    assert (made.images - source.images).abs().max() > 1e-4


def test_a_part_of_the_walk_begins_where_the_picture_was(ours, order):
    edit, source = order(*ours, SOURCE, strength=0.6)
    assert torch.equal(perform(PromptToPrompt(source=SOURCE, seed=SEED), edit).images, source.images)
    edit, _ = order(*ours, strength=0.0)
    generator = edit.generator
    codec = generator.finish(generator.restart(generator.encode(edit.canvas.image), None, Streams([0])))
    assert torch.allclose(perform(PromptToPrompt(source=SOURCE), edit).images, codec, atol=1e-5)


def test_there_is_no_way_back_by_any_sampler(ours, order):
    with pytest.raises(Unreachable, match=r"dpm\+\+2m has no way back"):
        PromptToPrompt(source=SOURCE).begin(order(ours[0], SAMPLERS["dpm++2m"](4))[0])


@pytest.mark.parametrize(
    ("options", "target", "complaint"),
    [
        ({}, TARGET, "needs a source"),
        ({"source": "two women"}, TARGET, "share no word: 'two women' and 'a man with a red hat'"),
        ({"source": SOURCE, "weights": "cloak=2;hat=2;胡子=0"}, TARGET, "does not contain: cloak, 胡子"),
        ({"source": "hat " * 62 + "and a red cloak"}, TARGET, "too much is 'and a red cloak'"),
        ({"source": SOURCE}, "a man " + "hat " * 60 + "and a red cloak", "too much is 'and a red cloak'"),
    ],
)
def test_words_that_make_no_sense_are_named(ours, order, tell, options, target, complaint):
    edit, _ = order(*ours, target)
    with pytest.raises(InputError, match=complaint):
        PromptToPrompt.of(options).begin(edit)


def test_one_prompt_is_needed(ours, order, tell, speller):
    edit, _ = order(*ours)
    wishes = [Guidance(signal=Text([TARGET, SOURCE]))]
    several = plan(ours[0], wishes, sampler=ours[1], encoders={"text": speller}, energies={})
    for plans in (tell(*ours), tell(*ours, TARGET, "glasses"), several):
        broken = Edit(generator=ours[0], sampler=ours[1], plan=plans, canvas=edit.canvas, strength=1.0)
        with pytest.raises(InputError, match="needs one prompt"):
            PromptToPrompt(source=SOURCE).begin(broken)


def test_a_generator_that_shows_no_network_is_refused():
    generator, sampler = ToyDiffusion(), Euler()
    plans = plan(generator, [Guidance(signal=tint([1, 0, 0]))], sampler=sampler, encoders=ENCODERS, energies={})
    canvas = Canvas.fit(torch.zeros(1, 3, 8, 8), None, 8)
    with pytest.raises(Unreachable, match="attention of this generator cannot be reached"):
        PromptToPrompt(source=SOURCE).begin(
            Edit(generator=generator, sampler=sampler, plan=plans, canvas=canvas, strength=1.0)
        )


@pytest.mark.parametrize("options", [{"seed": SEED}, {"seed": SEED, "cross": 0.3, "self": 0.1}, {}, {"blend": "on"}])
def test_the_plan_counts_the_answers_to_the_source(ours, order, monkeypatch, options):
    edit, _ = order(*ours)
    method, asked = PromptToPrompt.of({"source": SOURCE, **options}), []
    predict = type(edit.generator).predict

    def counted(self, *given):
        asked.append(given)
        return predict(self, *given)

    monkeypatch.setattr(type(edit.generator), "predict", counted)
    perform(method, edit)
    assert len(asked) == edit.plan.evaluations + method.besides(edit)["the source"]


@pytest.mark.parametrize("options", [{"seed": SEED}, {}])
def test_several_pictures_at_once_are_as_one_by_one(ours, order, options):
    edit, _ = order(*ours)
    beginning = PromptToPrompt.of({"source": SOURCE, **options}).begin(edit)
    both = synthesize(beginning.generator, edit.sampler, edit.plan, seeds=[1, 2], start=beginning.start).images
    one = perform(PromptToPrompt.of({"source": SOURCE, **options}), edit)
    assert torch.allclose(both, one.images.expand(2, -1, -1, -1), atol=1e-4)
