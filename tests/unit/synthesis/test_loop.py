from __future__ import annotations

import pytest
import torch

from misen.core.errors import Cancelled, InputError, NotFinite, Unreachable
from misen.core.guidance import Guidance
from misen.core.seeding import Streams
from misen.synthesis import Known, LowPass, Resume, Start, plan, synthesize
from misen.synthesis.project import low_pass
from toys import ENCODERS, Euler, Heun, Overflowing, Tint, ToyDiffusion, ToyWalker, Walk, energies, port, shade, tint

RED, BLUE = tint([0.8, -0.8, -0.8]), shade([-0.8, -0.8, 0.8])


def run(generator, sampler, *wishes, seeds=(5,), known=None, scale=1.0, negatives=(), **rest):
    guidances = [wish if isinstance(wish, Guidance) else Guidance(signal=wish) for wish in wishes]
    tools = {"sampler": sampler, "encoders": ENCODERS, "energies": energies()}
    made = plan(generator, guidances, known, scale=scale, negatives=negatives, **tools)
    return synthesize(generator, sampler, made, seeds=seeds, **rest)


def color(synthesis) -> torch.Tensor:
    return synthesis.images.mean((2, 3))


@pytest.mark.parametrize("sampler", [Euler(), Heun()])
def test_native_guidance_is_followed_and_the_picture_stays_real(sampler):
    result = run(ToyDiffusion(), sampler, RED, seeds=range(4))
    assert torch.allclose(color(result), RED.color, atol=0.1)
    assert result.images.std((2, 3)).mean() == pytest.approx(ToyDiffusion.SPREAD, rel=0.2)


def test_consistency_is_followed_by_a_walker_and_the_picture_stays_real():
    wish = Tint(color(run(ToyWalker(), Walk(), seeds=range(100, 108))))
    free, guided = run(ToyWalker(), Walk(), seeds=range(8)), run(ToyWalker(), Walk(), wish, seeds=range(8))
    miss = lambda result: float((color(result) - wish.color).square().sum(1).mean())  # noqa: E731
    assert miss(guided) < 0.4 * miss(free)
    assert guided.state.norm(dim=1).max() < 2 * free.state.norm(dim=1).max()
    assert guided.trace[-1].energies["tint"] < guided.trace[0].energies["tint"]


def test_strength_zero_is_unguided_bit_for_bit_by_every_route():
    free = run(ToyDiffusion(), Euler(), scale=5)
    for route in ("native", "consistency"):
        guided = run(ToyDiffusion(), Euler(), Guidance(signal=RED, strength=0, route=route), scale=5)
        assert torch.equal(free.images, guided.images)


def test_picture_k_depends_on_its_seed_alone():
    batch = run(ToyDiffusion(), Heun(), RED, seeds=(3, 4, 5), scale=2)
    for index, seed in enumerate((3, 4, 5)):
        assert torch.equal(run(ToyDiffusion(), Heun(), RED, seeds=(seed,), scale=2).images[0], batch.images[index])


def test_each_picture_can_have_its_own_signal():
    both = tint([0.8, 0.0, 0.0], [0.0, 0.8, 0.0])
    assert torch.allclose(color(run(ToyDiffusion(), Euler(), both, seeds=(1, 2))), both.color, atol=0.1)
    with pytest.raises(InputError, match="tint has 2 items for 3 pictures"):
        run(ToyDiffusion(), Euler(), both, seeds=(1, 2, 3))


def test_a_window_is_respected_by_the_network_calls():
    generator = ToyDiffusion()
    run(generator, Euler(steps=4), Guidance(signal=RED, window=(0.0, 0.5)))
    assert generator.asked == [("tint",), ("tint",), (), ()]


def test_a_negative_pushes_away():
    assert color(run(ToyDiffusion(), Euler(), negatives=[RED], scale=2))[0, 0] < -0.5


def test_start_at_strength_zero_returns_the_picture_and_at_one_ignores_it():
    picture = torch.rand(1, 3, 8, 8) * 2 - 1
    kept = run(ToyDiffusion(), Euler(), RED, start=Start(picture, 0.0))
    assert torch.equal(kept.images, picture)
    assert kept.trace == ()
    ignored = run(ToyDiffusion(), Euler(), start=Start(picture, 1.0))
    assert torch.equal(ignored.images, run(ToyDiffusion(), Euler()).images)


def test_similarity_to_the_start_falls_with_strength():
    picture = torch.full((1, 3, 8, 8), 0.9)
    starts = [Start(picture, strength) for strength in (0, 0.25, 0.5, 0.75, 1)]
    results = [run(ToyDiffusion(), Euler(), BLUE, start=start, seeds=range(4)) for start in starts]
    changes = [float((result.images - picture).square().mean()) for result in results]
    assert changes == sorted(changes)
    assert changes[0] == 0


def test_inpainting_leaves_kept_pixels_untouched_and_repaints_the_rest():
    picture, mask = torch.rand(1, 3, 8, 8) * 2 - 1, torch.zeros(1, 1, 8, 8)
    mask[..., 2:6, 2:6] = 1
    result = run(ToyDiffusion(), Heun(), RED, known=Known(picture, mask), seeds=(1, 2))
    kept = (mask == 0).expand(2, 3, -1, -1)
    assert torch.equal(result.images[kept], picture.expand(2, -1, -1, -1)[kept])
    assert torch.allclose(result.images[..., 2:6, 2:6].mean((2, 3)), RED.color, atol=0.2)


def test_a_low_pass_keeps_coarse_parts_while_details_differ_between_seeds():
    picture = torch.rand(1, 3, 8, 8)
    miss = lambda result: float(low_pass(result.images - picture, 4).square().mean().sqrt())  # noqa: E731
    details = lambda result: (result.images - low_pass(result.images, 4)).std(0).mean()  # noqa: E731
    free = run(ToyDiffusion(), Heun(), seeds=range(4))
    forced = run(ToyDiffusion(), Heun(), known=LowPass(picture, 4), seeds=range(4))
    released = run(ToyDiffusion(), Heun(), known=LowPass(picture, 4, until=0.6), seeds=range(4))
    assert miss(forced) <= 0.02 < miss(released) < miss(free)
    assert miss(free) > 0.2
    assert details(forced) > 0.5 * details(free)


def test_a_state_is_resumed_where_it_stands():
    generator, picture = ToyDiffusion(), torch.rand(1, 3, 8, 8) * 2 - 1
    whole = run(generator, Heun(), start=Resume(generator.start(1, Streams([5]))))
    assert torch.equal(whole.images, run(generator, Heun()).images)
    part = run(generator, Heun(), start=Start(picture, 0.5))
    first = part.trace[0].level
    again = run(generator, Heun(), start=Resume(generator.restart(picture, first, Streams([5])), 0.5))
    assert torch.equal(again.images, part.images)
    assert [step.level for step in again.trace] == [step.level for step in part.trace]


def test_a_generator_that_cannot_begin_from_a_picture_says_so():
    with pytest.raises(Unreachable, match="cannot begin from a picture"):
        run(ToyWalker(), Walk(), start=Start(torch.zeros(1, 3, 8, 8), 0.5))


def test_an_overflow_is_retried_once_in_full_precision():
    plain, cured = run(ToyDiffusion(), Euler()), run(Overflowing(), Euler())
    assert torch.equal(plain.images, cured.images)
    assert [step.retried for step in cured.trace] == [True] + [False] * 11


def test_an_overflow_that_stays_names_the_step():
    with pytest.raises(NotFinite, match="step 0 gave NaN or infinity, also in float32"):
        run(Overflowing(cured=False), Euler())
    with pytest.raises(NotFinite, match="step 3"):
        run(Overflowing(cured=False, bad=Euler().levels(guided=False)[3].sigma), Euler())


def test_a_watcher_sees_every_step_and_may_cancel():
    seen = []
    run(ToyDiffusion(), Euler(), watch=seen.append)
    assert [(moment.step.index, moment.steps) for moment in seen] == [(k, 12) for k in range(12)]
    assert seen[-1].estimate.view(seen[-1].estimate.point).image.shape == (1, 3, 8, 8)

    def stop(moment):
        if moment.step.index == 2:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        run(ToyDiffusion(), Euler(), watch=stop)


def test_both_routes_work_together():
    generator = ToyDiffusion({"tint": port("tint")})
    result = run(generator, Euler(steps=30), tint([0.5, 0, 0]), Guidance(signal=shade([0.5, 0.0, 0.5]), strength=4))
    alone = run(ToyDiffusion(), Euler(steps=30), tint([0.5, 0, 0]))
    assert color(result)[0, 2] > color(alone)[0, 2] + 0.05
    assert set(result.trace[0].energies) == {"shade"}
