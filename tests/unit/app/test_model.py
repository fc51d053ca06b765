from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from misen.app.progress import Progress
from misen.core.errors import Cancelled, InputError, MisenError, Unreachable
from misen.core.guidance import Guidance
from misen.core.registry import modalities
from misen.editing.methods.ilvr import ILVR
from misen.synthesis.project import low_pass

CAMERA = modalities()["camera"].signal(yaw=50)
OTHER = modalities()["camera"].signal(yaw=-50)


def pixels(result) -> list[torch.Tensor]:
    return [picture.tensor for picture in result.images]


def test_a_wish_changes_the_picture_and_strength_zero_does_not(model):
    free, wished = model.synthesize(seed=3), model.synthesize(CAMERA, seed=3)
    assert not torch.equal(free.images[0].tensor, wished.images[0].tensor)
    ignored = model.synthesize(Guidance(signal=CAMERA, strength=0.0), seed=3)
    assert torch.equal(free.images[0].tensor, ignored.images[0].tensor)


def test_picture_k_equals_the_single_run_with_seed_plus_k(model):
    four = model.synthesize(CAMERA, seed=7, num_images=4)
    assert [picture.seed for picture in four.images] == [7, 8, 9, 10]
    for picture in four.images:
        [single] = model.synthesize(CAMERA, seed=picture.seed).images
        assert torch.equal(single.tensor, picture.tensor)
        assert single.recipe == picture.recipe


def test_batches_stay_within_the_tolerance(model):
    one, several = (model.synthesize(CAMERA, seed=1, num_images=5, batch_size=size) for size in (1, 3))
    gap = max(float((a - b).abs().max()) for a, b in zip(pixels(one), pixels(several), strict=True))
    assert gap * 127.5 <= 2


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_outside_do_not_matter_and_are_restored(model, threads):
    reference, before = model.synthesize(CAMERA, seed=1), torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        assert torch.equal(model.synthesize(CAMERA, seed=1).images[0].tensor, reference.images[0].tensor)
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)


def test_each_picture_can_have_its_own_signal(model):
    pair = modalities()["camera"].signal.from_json([*CAMERA.to_json(), *OTHER.to_json()])
    both = model.synthesize(pair, seed=1, num_images=2)
    assert torch.equal(both.images[1].tensor, model.synthesize(OTHER, seed=2).images[0].tensor)
    assert both.images[1].recipe.guidances[0].content == OTHER.to_json()


def test_a_negative_pushes_away(model):
    free, pushed = model.synthesize(seed=1), model.synthesize(seed=1, negative_prompt=CAMERA)
    towards = model.synthesize(CAMERA, seed=1, guidance_scale=1.0).images[0].tensor - free.images[0].tensor
    away = pushed.images[0].tensor - free.images[0].tensor
    assert float((towards * away).sum()) < 0


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"num_inference_steps": 0}, "num_inference_steps"),
        ({"guidance_scale": float("nan")}, "guidance_scale"),
        ({"width": 513}, "width"),
        ({"height": -8}, "height"),
        ({"seed": 1.5}, "seed"),
        ({"num_images": 0}, "num_images"),
        ({"sampler": "oiler"}, "sampler"),
        ({"strength": 2}, "strength"),
        ({"batch_size": 0}, "batch_size"),
        ({"mask": torch.ones(1, 8, 8)}, "mask"),
        ({"image": torch.full((3, 8, 8), torch.nan)}, "image"),
        ({"image": torch.ones(8, 8)}, "image"),
    ],
)
def test_bad_arguments_are_refused_before_the_network_is_asked(model, settings, field):
    with pytest.raises(InputError) as caught:
        model.synthesize(CAMERA, **settings)
    assert caught.value.field == field
    assert model.opened.generator.asked == []


@pytest.mark.parametrize("wish", [None, 7, b"words"])
def test_what_is_no_wish_is_refused(model, wish):
    with pytest.raises(InputError, match="prompt must be str, got "):
        model.synthesize(wish)


def test_a_large_guidance_scale_gives_finite_pixels(model):
    assert torch.isfinite(model.synthesize(CAMERA, seed=1, guidance_scale=1000).images[0].tensor).all()


def test_an_unreachable_wish_computes_nothing(model):
    with pytest.raises(Unreachable, match="camera cannot be followed"):
        model.synthesize(Guidance(signal=CAMERA, route="adapted"))
    assert model.opened.generator.asked == []


def test_plan_tells_without_computing(model):
    plan = model.plan(CAMERA, num_inference_steps=4)
    assert (plan.steps, plan.evaluations, plan.decisions[0].route) == (4, 8, "native")
    assert model.opened.generator.asked == []


def test_edit_at_strength_zero_keeps_the_picture_and_reports_no_change(model):
    source = Image.fromarray(np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8))
    result = model.edit(source, CAMERA, strength=0)
    assert np.array_equal(np.asarray(result.images[0].pil), np.asarray(source))
    assert result.report()["change"] == {"repainted": 0.0}


def test_inpainting_keeps_pixels_exactly(model):
    source = Image.fromarray(np.random.default_rng(1).integers(0, 256, (8, 8, 3), np.uint8))
    mask = np.zeros((8, 8), np.uint8)
    mask[2:6, 2:6] = 255
    result = model.edit(source, CAMERA, mask=mask, seed=4)
    changed = np.asarray(result.images[0].pil) != np.asarray(source)
    assert not changed[mask == 0].any()
    assert changed[mask == 255].mean() > 0.9
    assert result.change["kept"] == 0
    unchanged = model.edit(source, CAMERA, mask=np.zeros((8, 8), np.uint8))
    assert np.array_equal(np.asarray(unchanged.images[0].pil), np.asarray(source))


def test_a_method_is_named_with_its_options(model):
    source = np.random.default_rng(2).integers(0, 256, (8, 8, 3), np.uint8)
    named = model.edit(source, CAMERA, method="ilvr:factor=4", seed=4, num_images=2)
    assert named.recipe.canvas.strength == 1
    assert named.plan.to_json()["known"] == {"kind": "low-pass", "factor": 4, "until": 1.0}
    for picture in named.images:
        gap = picture.tensor - torch.from_numpy(source).permute(2, 0, 1) / 127.5 + 1
        assert low_pass(gap[None], 4).square().mean().sqrt() <= 0.02
    [same, _] = model.edit(source, CAMERA, method=ILVR(factor=4), seed=4, num_images=2).images
    assert torch.equal(same.tensor, named.images[0].tensor)
    plain = model.edit(source, CAMERA, seed=4)
    assert torch.equal(plain.images[0].tensor, model.edit(source, CAMERA, method="sdedit", seed=4).images[0].tensor)


def test_a_method_is_refused_before_the_picture_is_read(model):
    with pytest.raises(InputError, match="did you mean 'ilvr'"):
        model.edit("missing.png", method="ilver")
    with pytest.raises(InputError, match="method ilvr needs a picture"):
        model.synthesize(method="ilvr")
    with pytest.raises(Unreachable, match="the factor must be from 2 to 8 here, got 16"):
        model.plan(image=np.zeros((8, 8, 3), np.uint8), method="ilvr:factor=16")


def test_a_mask_of_another_size_is_refused(model):
    with pytest.raises(InputError, match="the mask is 8 x 4 and the picture 8 x 8"):
        model.edit(np.zeros((8, 8, 3), np.uint8), mask=np.zeros((4, 8), np.uint8))


def test_progress_and_pictures_are_reported_as_they_come(model):
    seen: list[Progress] = []
    delivered = []
    model.synthesize(
        seed=1,
        num_images=2,
        num_inference_steps=3,
        callback_on_step_end=seen.append,
        callback_on_picture=lambda k, picture: delivered.append((k, picture.seed, len(seen))),
    )
    assert [round(progress.fraction, 3) for progress in seen] == [0.167, 0.333, 0.5, 0.667, 0.833, 1.0]
    assert delivered == [(0, 1, 3), (1, 2, 6)]


def test_cancelling_keeps_what_is_finished_and_the_model_usable(model, tmp_path):
    reference = model.synthesize(seed=1)

    def stop(progress):
        if progress.walk == 1:
            raise Cancelled("stopped")

    def save(k, picture):
        picture.save(tmp_path / f"{k}.png")

    with pytest.raises(Cancelled):
        model.synthesize(seed=1, num_images=3, callback_on_step_end=stop, callback_on_picture=save)
    assert [path.name for path in tmp_path.iterdir()] == ["0.png"]
    assert torch.equal(model.synthesize(seed=1).images[0].tensor, reference.images[0].tensor)


def test_errors_of_the_caller_are_misen_errors(model):
    with pytest.raises(MisenError):
        model.edit("missing.png")
