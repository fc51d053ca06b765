"""Methods that learn the picture, on a toy that foresees the color it is told plus a color it has learned."""

from __future__ import annotations

import copy
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from misen.core.condition import Condition
from misen.core.errors import InputError, Unreachable
from misen.core.execution import Execution
from misen.core.generator import Level, Startable, Tunable, answering
from misen.core.guidance import Guidance
from misen.core.seeding import Streams
from misen.editing.canvas import Canvas
from misen.editing.memory import Memory
from misen.editing.methods.choice import choose
from misen.editing.methods.imagic import Imagic, wished
from misen.editing.methods.method import Edit
from misen.editing.methods.sine import SINE
from misen.editing.methods.twins import Beside, Interpolated, learner, taught
from misen.inversion.condition import invert_condition
from misen.synthesis import plan, synthesize
from misen.training.tuning import Learner
from toys import ENCODERS, SIZE, Cloud, Euler, ToyDiffusion, ToyWalker, tint

EARLY, LATE = Level(0.1, sigma=5.0), Level(0.9, sigma=0.5)
NOISY = Cloud(torch.full((2, 3, SIZE, SIZE), 0.3))


class Student(ToyDiffusion):
    """Learns a color that is in all its pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.network = nn.Linear(1, 3).requires_grad_(False)
        self.network.bias.zero_()

    def predict(self, state, level, conditions):
        estimate = super().predict(state, level, conditions)
        return estimate.at(estimate.point + self.network.bias[:, None, None])

    def loss(self, point, conditions, rng):
        noise = rng.normal(3, SIZE, SIZE)
        return (self.predict(Cloud(point + 5 * noise), EARLY, conditions).point - point).square().mean((1, 2, 3))

    def twin(self):
        return copy.deepcopy(self)


def picture(*color: float) -> torch.Tensor:
    return torch.tensor(color)[None, :, None, None].expand(1, 3, SIZE, SIZE).clone()


def color(red: float, count: int = 1) -> Condition:
    return Condition.full("vector", torch.tensor([[red, 0.0, 0.0]])).repeat(count)


def edit(generator, *wishes) -> Edit:
    guidances = [Guidance(signal=wish) for wish in wishes]
    whole = plan(generator, guidances, sampler=Euler(), encoders=ENCODERS, energies={}, scale=2.0)
    canvas = Canvas(picture(0.5, 0.25, -0.5))
    return Edit(generator=generator, sampler=Euler(), plan=whole, canvas=canvas, strength=1.0)


def learned_student() -> Student:
    twin = Student()
    twin.network.bias += 0.5
    return twin


# --- beside ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", [EARLY, LATE], ids=["early", "late"])
def test_without_a_share_the_generator_answers_alone(level):
    base, mixed = Student(), Beside(Student(), learned_student(), share=0.0, window=(0.0, 0.5))
    expected = base.predict(NOISY, level, {"tint": color(1.0, 2)}).point
    assert torch.equal(mixed.predict(NOISY, level, {"tint": color(1.0, 2)}).point, expected)


@pytest.mark.parametrize(
    ("level", "conditions"),
    [(LATE, {"tint": color(1.0, 2)}), (EARLY, {}), (EARLY, {"tint": color(1.0, 2).where(torch.zeros(2).bool())})],
    ids=["late", "nothing given", "all absent"],
)
def test_outside_the_window_and_where_nothing_is_given_the_generator_answers_alone(level, conditions):
    mixed = Beside(Student(), learned_student(), share=0.7, window=(0.0, 0.5))
    assert torch.equal(mixed.predict(NOISY, level, conditions).point, Student().predict(NOISY, level, conditions).point)


def test_in_the_window_the_twin_has_its_share():
    base, twin = Student(), learned_student()
    plain, other = base.predict(NOISY, EARLY, {"tint": color(1.0, 2)}).point, twin.predict(NOISY, EARLY, {}).point
    mixed = Beside(base, twin, share=0.7, window=(0.0, 0.5)).predict(NOISY, EARLY, {"tint": color(1.0, 2)}).point
    torch.testing.assert_close(mixed, 0.3 * plain + 0.7 * other)


def test_a_window_may_begin_late():
    base, twin = Student(), learned_student()
    late = Beside(base, twin, share=1.0, window=(0.5, 1.0))
    early, end = (late.predict(NOISY, level, {"tint": color(1.0, 2)}).point for level in (EARLY, LATE))
    assert torch.equal(early, base.predict(NOISY, EARLY, {"tint": color(1.0, 2)}).point)
    assert torch.equal(end, twin.predict(NOISY, LATE, {}).point)


def test_capabilities_are_those_of_the_generator():
    student = Student()
    mixed = answering(student, Beside(student, learned_student(), share=0.7, window=(0.0, 0.5)).predict)
    assert isinstance(mixed, Startable)
    assert isinstance(mixed, Tunable)
    assert mixed.size == SIZE


def test_sine_teaches_a_copy_and_leaves_the_generator_as_it_is():
    student = Student()
    beginning = SINE(steps=40, rate=0.1).begin(edit(student, tint([1.0, 0.0, 0.0])))
    assert torch.equal(student.network.bias, torch.zeros(3))
    goal, learned = picture(0.5, 0.25, -0.5), beginning.generator.predict.__self__.learned
    error = [m.loss(goal, {}, Streams([9])).item() for m in (learned, student)]
    assert error[0] < 0.2 * error[1]
    assert not any(parameter.requires_grad for parameter in learned.network.parameters())
    assert beginning.start.strength == 1.0


def test_what_works_in_fewer_bits_learns_in_them_and_loses_nothing(ours):
    (usual, _), draws = ours, torch.Generator().manual_seed(0)
    half, point = usual.executed(Execution("bfloat16")), torch.randn(1, *usual.shape, generator=draws)
    plain, low = (taught(one, point, {}, steps=20, rate=3e-3) for one in (usual, half))
    with torch.no_grad():
        many = point.repeat(16, 1, 1, 1)
        before, exact, near = (one.loss(many, {}, Streams(range(16))).mean() for one in (usual, plain, low))
    assert exact < 0.9 * before
    assert abs(near - exact) < 0.2 * (before - exact)
    assert (plain.dtype, low.dtype) == (torch.float32, torch.bfloat16)
    kept = low.exact[0]
    for copied, learned in zip(low.network.parameters(), kept.unet.parameters(), strict=True):
        assert torch.equal(copied, learned.bfloat16())
        assert not copied.requires_grad


# --- between -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("eta", "red"), [(0.0, -1.0), (0.5, 0.0), (1.0, 1.0)])
def test_what_is_told_lies_between(eta, red):
    between = Interpolated(Student(), {"tint": color(-1.0)}, {"tint": color(1.0)}, eta)
    expected = Student().predict(NOISY, EARLY, {"tint": color(red, 2)}).point
    torch.testing.assert_close(between.predict(NOISY, EARLY, {"tint": color(1.0, 2)}).point, expected)


@pytest.mark.parametrize("conditions", [{}, {"tint": color(0.3, 2)}, {"shade": color(1.0, 2)}], ids=len)
def test_what_is_not_the_wish_is_left_alone(conditions):
    between = Interpolated(Student(), {"tint": color(-1.0)}, {"tint": color(1.0)}, 0.5)
    expected = Student().predict(NOISY, EARLY, conditions).point
    assert torch.equal(between.predict(NOISY, EARLY, conditions).point, expected)


def test_the_condition_of_a_picture_is_found():
    found = invert_condition(Student(), picture(0.5, 0.25, -0.5), {"tint": color(0.0)}, steps=60, rate=0.05)
    torch.testing.assert_close(found["tint"].value, torch.tensor([[0.5, 0.25, -0.5]]), atol=0.05, rtol=0)
    assert not found["tint"].value.requires_grad


@pytest.mark.parametrize(
    ("first", "other"),
    [(Imagic(eta=0.0, steps=3), Imagic(eta=1.0, steps=3)), (SINE(steps=3), SINE(steps=3, until=0.2))],
)
def test_what_was_learned_of_a_picture_is_used_again(monkeypatch, first, other):
    lessons, memory = [], Memory()
    for module in ("imagic", "sine"):
        name = f"misen.editing.methods.{module}.taught"
        monkeypatch.setattr(name, lambda *_, **how: lessons.append(how) or Student())
    for method in (first, other, replace(other, steps=4)):
        asked = edit(Student(), tint([1.0, 0.0, 0.0]))
        told = asked.plan.beside(method.besides(asked))
        method.begin(replace(asked, plan=told, memory=memory))
    assert [how["steps"] for how in lessons] == [3, 4]


def test_imagic_at_zero_tells_the_tuned_copy_what_makes_the_picture():
    student, wish = Student(), tint([1.0, 0.0, 0.0])
    beginning = Imagic(eta=0.0, search=20, steps=20, rate=0.05).begin(edit(student, wish))
    between = beginning.generator
    goal = picture(0.5, 0.25, -0.5)
    given = {"tint": ENCODERS["tint"].encode(wish, "vector")}
    point = between.predict(Cloud(goal), EARLY, given).point
    plain = student.predict(Cloud(goal), EARLY, given).point
    assert (point - goal).square().mean() < 0.2 * (plain - goal).square().mean()
    assert torch.equal(student.network.bias, torch.zeros(3))


@pytest.mark.parametrize("wishes", [[], [tint([1.0, 0, 0], [0, 1.0, 0])]], ids=["none", "two pictures"])
def test_imagic_needs_one_wish(wishes):
    with pytest.raises(InputError, match="method imagic"):
        wished(edit(Student(), *wishes).plan, Student())


def test_imagic_takes_one_guidance_at_each_port():
    decision = edit(Student(), tint([1.0, 0.0, 0.0])).plan.decisions[0]
    with pytest.raises(InputError, match="one guidance at each port"):
        wished(SimpleNamespace(decisions=(decision, decision)), Student())


def test_a_generator_that_cannot_learn_is_refused():
    assert isinstance(Student(), Learner)
    with pytest.raises(Unreachable, match="cannot learn a picture"):
        learner(ToyWalker())


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        ("sine:share=1.5", "share of method sine must be a number from 0 to 1, got '1.5'"),
        ("sine:share=nan", "share of method sine must be a number from 0 to 1, got 'nan'"),
        ("imagic:steps=1.5", "steps of method imagic must be a whole number from 0 to 10000, got '1.5'"),
        ("imagic:steps=-1", "steps of method imagic must be a whole number from 0 to 10000, got '-1'"),
    ],
)
def test_options_out_of_range_are_refused(asked, complaint):
    with pytest.raises(InputError, match=complaint):
        choose(asked, {"picture", "words"})


def test_options_are_read_from_text():
    assert choose("sine:share=0,steps=20", {"picture", "words"}) == SINE(share=0.0, steps=20)
    assert choose("imagic:eta=0.25", {"picture", "words"}).options()["eta"] == 0.25


@pytest.mark.parametrize(
    "method", [SINE(steps=3, since=0.1, until=0.5), Imagic(search=2, steps=1)], ids=["sine", "imagic"]
)
def test_plans_count_what_is_learned_from(method, monkeypatch):
    items, order = [], edit(Student(), tint([1.0, 0.0, 0.0]))
    predict = Student.predict

    def counted(self, state, level, conditions):
        items.append(len(state.x))
        return predict(self, state, level, conditions)

    monkeypatch.setattr(Student, "predict", counted)
    beginning = method.begin(order)
    synthesize(beginning.generator, order.sampler, order.plan, seeds=[1], start=beginning.start)
    assert sum(items) == order.plan.beside(method.besides(order)).evaluations
