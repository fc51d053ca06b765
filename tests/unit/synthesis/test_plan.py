from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from misen.core.errors import Unreachable
from misen.core.guidance import Consistency, Guidance
from misen.core.port import Adaptation
from misen.synthesis import Known, LowPass, plan
from toys import (
    ENCODERS,
    Back,
    Euler,
    Heun,
    TintEnergy,
    ToyDiffusion,
    ToyLinear,
    ToyRaster,
    ToyWalker,
    Walk,
    energies,
    port,
    shade,
    tint,
)

RED, BLUE = tint([1.0, 0.0, 0.0]), shade([0.0, 0.0, 1.0])


def made(generator, *wishes, sampler=None, known=None, **rest):
    guidances = [wish if isinstance(wish, Guidance) else Guidance(signal=wish) for wish in wishes]
    rest = {"encoders": ENCODERS, "energies": energies(), **rest}
    return plan(generator, guidances, known, sampler=sampler or Euler(), **rest)


def refusal(*arguments, **rest) -> str:
    with pytest.raises(Unreachable) as caught:
        made(*arguments, **rest)
    assert caught.value.exit_code == 4
    return str(caught.value)


def test_native_first_then_consistency():
    generator = ToyDiffusion({"tint": port("tint")})
    routes = [decision.route for decision in made(generator, RED, BLUE).decisions]
    assert routes == ["native", "consistency"]


def test_a_port_of_the_same_layout_is_not_enough():
    assert made(ToyDiffusion({"other": port("other")}), RED).decisions[0].route == "consistency"


def test_a_route_can_be_asked_for():
    asked = Guidance(signal=RED, route="consistency")
    assert made(ToyDiffusion(), asked).decisions[0].route == "consistency"
    assert "native: no port was trained on it" in refusal(ToyWalker(), Guidance(signal=RED, route="native"))
    assert "adapted: no adapter is loaded" in refusal(ToyDiffusion(), Guidance(signal=RED, route="adapted"))


def test_a_refusal_gives_every_reason_of_every_guidance():
    message = refusal(ToyRaster({}), RED, BLUE, energies={"tint": energies()["tint"]})
    for part in (
        "tint cannot be followed (native: no port was trained on it, adapted: no adapter is loaded, "
        "consistency: the generator commits one token after another and has no unfinished picture)",
        "shade cannot be followed",
        "there is no energy for it",
        "native: none; consistency: none",
    ):
        assert part in message


def test_one_port_takes_one_vector_at_a_time_but_any_number_of_tokens():
    tokens = ToyLinear({"tint": port("tint", layout="tokens")})
    assert [d.route for d in made(tokens, RED, RED).decisions] == ["native", "native"]
    assert [d.route for d in made(ToyLinear(), RED, RED).decisions] == ["native", "consistency"]
    early, late = (Guidance(signal=RED, window=window) for window in ((0.0, 0.5), (0.5, 1.0)))
    assert [d.route for d in made(ToyLinear(), early, late).decisions] == ["native", "native"]


def test_a_port_without_null_takes_strength_one_only_and_no_negative():
    generator = ToyRaster({"tint": port("tint", mixable=False)})
    assert made(generator, RED).decisions[0].route == "native"
    assert "only strength 1" in refusal(generator, Guidance(signal=RED, strength=2))
    assert "cannot be avoided" in refusal(generator, negatives=[RED])


def adapter(strength=1.0, window=(0.0, 1.0)):
    adaptation = Adaptation(ENCODERS["tint"], strength, window)
    return replace(port("tint", mixable=False), adaptation=adaptation)


def test_an_adapter_takes_what_no_port_of_the_generators_own_does():
    generator = ToyDiffusion({"beside": adapter(strength=0.5, window=(0.2, 0.8))})
    wish = Guidance(signal=RED, strength=3, window=(0.5, 1.0))
    [decision] = made(generator, wish, scale=4).decisions
    assert (decision.route, decision.port, decision.mixable) == ("adapted", "beside", False)
    assert (decision.guidance.strength, decision.guidance.window) == (1.5, (0.5, 0.8))
    assert made(generator, wish, scale=4).evaluations == made(generator, scale=4).evaluations
    both = ToyDiffusion({"tint": port("tint"), "beside": adapter()})
    assert [d.route for d in made(both, RED, RED).decisions] == ["native", "adapted"]


def test_an_adapter_refuses_what_lies_outside_its_window_and_a_second_map():
    early = ToyDiffusion({"beside": adapter(window=(0.0, 0.5))})
    late = Guidance(signal=RED, window=(0.5, 1.0), route="adapted")
    assert "adapter 'beside' acts only from 0 to 0.5 of the walk" in refusal(early, late)
    assert "adapted: tint; consistency" in refusal(early, late)
    asked = Guidance(signal=RED, route="adapted")
    assert "adapter 'beside' takes one vector at a time" in refusal(early, asked, asked)
    assert "tint cannot be avoided (no port was trained on it)" in refusal(early, negatives=[RED])


def test_a_mask_needs_a_generator_that_can_be_projected():
    known = Known(torch.zeros(1, 3, 8, 8), torch.ones(1, 1, 8, 8))
    assert "mask" in refusal(ToyWalker(), known=known)
    assert made(ToyDiffusion(), known=known).to_json()["known"] == {"kind": "mask"}
    assert made(ToyDiffusion()).to_json()["known"] is None


def test_a_low_pass_needs_a_grid_finer_than_its_factor():
    coarse = lambda factor, **rest: LowPass(torch.zeros(1, 3, 8, 8), factor, **rest)  # noqa: E731
    assert "low-pass: this generator does not foresee a grid" in refusal(ToyWalker(), known=coarse(4))
    assert "low-pass: the factor must be from 4 to 8 here, got 2" in refusal(ToyDiffusion(stride=2), known=coarse(2))
    assert "from 2 to 8 here, got 16" in refusal(ToyDiffusion(), known=coarse(16))
    plan = made(ToyDiffusion(), known=coarse(4, until=0.5))
    assert plan.to_json()["known"] == {"kind": "low-pass", "factor": 4, "until": 0.5}
    assert "= low-pass: what is coarser than 4 pixels is the picture's until 0.5 of the walk" in plan.explain()


def test_cost_counts_evaluations_and_gradients_over_the_walk():
    cost = lambda *wishes, **rest: (p := made(ToyDiffusion(), *wishes, **rest)) and (p.evaluations, p.gradients)  # noqa: E731
    assert cost() == (12, 0)
    assert cost(RED, BLUE, scale=4) == (24, 0)
    assert cost(RED, Guidance(signal=BLUE, strength=0.5), scale=4) == (36, 0)
    assert cost(Guidance(signal=RED, window=(0.0, 0.5)), scale=4) == (18, 0)
    assert cost(Guidance(signal=RED, route="consistency")) == (12, 12)
    assert cost(negatives=[RED], scale=4) == (24, 0)
    assert cost(RED, scale=4, sampler=Heun()) == (48, 0)


def test_the_sampler_is_told_whether_anything_pulls():
    assert made(ToyWalker(), sampler=Walk()).steps == 1
    assert made(ToyWalker(), RED, sampler=Walk()).steps == 60


def test_a_plan_is_a_value_that_can_be_stored_and_read():
    first, second = made(ToyDiffusion(), RED, scale=3), made(ToyDiffusion(), tint([1.0, 0.0, 0.0]), scale=3)
    assert first.to_json() == second.to_json()
    assert first.to_json() != made(ToyDiffusion(), tint([1.0, 0.0, 0.1]), scale=3).to_json()
    assert first.explain().splitlines() == [
        "+ tint: 1 0 0",
        "    native: port 'tint' was trained on tint",
        "    strength 1, from 0 to 1 of the walk",
        "sampler euler, 12 steps, guidance scale 3",
        "about 24 network evaluations and 0 gradients per picture",
    ]


def early(**how):
    """Consistency with red over half of the walk."""
    return Guidance(signal=RED, route="consistency", window=(0.0, 0.5), consistency=Consistency(**how))


def test_options_of_consistency_are_counted_and_told():
    cost = lambda *wishes: (p := made(ToyDiffusion(), *wishes, sampler=Back())) and (p.evaluations, p.gradients)  # noqa: E731
    assert cost(early()) == (12, 6)
    assert cost(early(gradients=3, copies=4)) == (12, 18)
    assert cost(early(recurrences=2, gradients=3)) == (18, 36)
    assert cost(early(recurrences=2, gradients=3), early()) == (18, 48)
    plan = made(ToyDiffusion(), early(recurrences=2, through=True), RED, sampler=Back())
    assert "    copies 1, gradients 1, recurrences 2, at the noisy state, through the network" in plan.explain()
    options = {"measure": "", "copies": 1, "gradients": 1, "recurrences": 2, "interval": 1, "through": True}
    assert [wish["consistency"] for wish in plan.to_json()["guidances"]] == [options, None]


def test_recurrences_need_a_sampler_that_can_go_back():
    assert "sampler euler cannot take a step back" in refusal(ToyDiffusion(), early(recurrences=2))
    made(ToyDiffusion(), replace(early(recurrences=2), route="native"))


def test_a_measure_is_chosen_by_name():
    energy = TintEnergy()
    energy.measures = {"brightness": TintEnergy()}
    [decision] = made(ToyDiffusion(), early(measure="brightness"), energies={"tint": energy}).decisions
    assert decision.energy is energy.measures["brightness"]
    assert "tint (brightness)" in decision.reason
    misspelt = early(measure="brightnes")
    assert "did you mean 'brightness'?" in refusal(ToyDiffusion(), misspelt, energies={"tint": energy})
    assert "there is no measure 'brightnes'" in refusal(ToyDiffusion(), misspelt)


def test_what_is_besides_the_walk_is_counted_and_named():
    walk = made(ToyDiffusion(), RED, scale=4)
    whole = walk.beside({"the source": 12}).beside({"the upscaler": 3})
    assert (walk.evaluations, whole.evaluations, whole.gradients) == (24, 39, 0)
    assert whole.to_json()["besides"] == {"the source": 12, "the upscaler": 3}
    assert whole.explain().splitlines()[-2:] == [
        "about 39 network evaluations and 0 gradients per picture",
        "of these 12 for the source, 3 for the upscaler",
    ]
    assert walk.beside({}).explain() == walk.explain()
