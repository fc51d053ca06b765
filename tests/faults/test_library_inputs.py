"""Rows 1 to 15, 18, 19 and 24 of the table of faults: what a caller gives to the library."""

from __future__ import annotations

import json
import struct
import time
import tracemalloc
import zlib
from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image

import misen.app
from misen.app import Recipe
from misen.core.errors import FormatError, InputError, LimitError, NotFinite, Unreachable
from misen.core.guidance import Guidance
from misen.media.picture import PIXEL_LIMIT, color, open_picture
from misen.modalities.landmarks.signal import LANDMARKS
from misen.modalities.segmentation.signal import CLASSES

NAN, INF = float("nan"), float("inf")
HUGE = pytest.param(10**5000, id="5000 digits")
"""Python refuses to write it out."""
QUICK = {"seed": 1, "num_inference_steps": 2}


def pixels(model, *wishes, **settings) -> torch.Tensor:
    return torch.stack([picture.tensor for picture in model.synthesize(*wishes, **{**QUICK, **settings}).images])


@pytest.fixture
def free(model) -> torch.Tensor:
    return pixels(model)


# --- row 1: a prompt of another type ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("prompt", "kind"), [(None, "NoneType"), (7, "int"), (b"a man", "bytes"), (["a"], "list")])
def test_row_01_a_prompt_of_another_type(model, refused, idle, prompt, kind):
    assert str(refused(InputError, model.synthesize, prompt)).startswith(f"prompt must be str, got {kind}")
    if prompt not in (None, ["a"]):
        assert f"prompt must be str, got {kind}" in str(refused(InputError, model.synthesize, negative_prompt=prompt))
        assert f"prompt must be str, got {kind}" in str(refused(InputError, misen.Text, prompt))


def test_row_01_what_is_no_signal_cannot_guide(refused):
    assert "guidance needs a signal, got str" in str(refused(InputError, Guidance, signal="a man"))


# --- row 2: far too long ---------------------------------------------------------------------------------------------


def test_row_02_a_long_prompt_is_cut_with_a_warning_that_counts(model):
    with pytest.warns(UserWarning, match=r"prompt 'very long .*…' is too long: its last 138 tokens were dropped"):
        whole = pixels(model, "very long " * 100)
    with pytest.warns(UserWarning, match="dropped"):
        cut = pixels(model, "very long " * 40)
    assert torch.equal(whole, cut)


def test_row_02_a_megabyte_is_refused(model, refused, idle):
    start = time.perf_counter()
    message = str(refused(LimitError, model.synthesize, "x" * 2**20))
    assert "1,048,576 bytes; the limit is 100,000" in message
    assert time.perf_counter() - start < 1


# --- row 3: empty and odd characters ---------------------------------------------------------------------------------


@pytest.mark.parametrize("prompt", ["", " \n\t"])
def test_row_03_an_empty_prompt_is_unconditional(model, free, prompt):
    assert torch.equal(pixels(model, prompt), free)


def test_row_03_half_a_character_is_named_with_its_position(model, refused, idle):
    assert "surrogate U+D83D) at position 2" in str(refused(InputError, model.synthesize, "a \ud83d man"))


@pytest.mark.parametrize("prompt", ["a\0man", "\u202eright to left", "🤡👩‍🦰 戴眼镜", "\ufffe\ufeff"])
def test_row_03_other_characters_work_and_survive_in_the_file(model, tmp_path, prompt):
    [picture] = model.synthesize(prompt, seed=1, num_inference_steps=1).images
    path = picture.save(tmp_path / "a.png")
    assert misen.app.replay(path).status == "identical"
    assert Recipe.read(path).guidances[0].content == [{"text": prompt}]


# --- rows 4 to 7: numbers --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, -8, 513, 10**9, HUGE, 64.5, NAN, "64", True])
@pytest.mark.parametrize("side", ["width", "height"])
def test_row_04_a_size_that_cannot_be_made(model, refused, idle, side, size):
    error = refused(InputError, model.synthesize, **{side: size})
    assert error.field == side
    assert "allowed range 64 to 64, step 64" in str(error)


@pytest.mark.parametrize("steps", [0, -1, 10**9, 1e9, NAN, "20", True, HUGE, 20.0])
def test_row_05_a_number_of_steps_that_is_none(model, refused, idle, steps):
    error = refused(InputError, model.synthesize, num_inference_steps=steps)
    assert "num_inference_steps must be a whole number from 1 to 1000, got " in str(error)


@pytest.mark.parametrize("scale", [NAN, INF, -INF, -1e30, 1e30, "7", True])
def test_row_06_a_guidance_scale_that_is_none(model, refused, idle, scale):
    error = refused(InputError, model.synthesize, "a man", guidance_scale=scale)
    assert "guidance_scale must be a number from 0 to 1000, got " in str(error)


def test_row_06_the_largest_guidance_scale_gives_finite_pixels(model):
    assert pixels(model, "a man", guidance_scale=1000).isfinite().all()


@pytest.mark.parametrize("strength", [NAN, INF, "1", None, True])
def test_row_06_a_strength_that_is_none(refused, strength):
    message = str(refused(InputError, Guidance, signal=misen.Text("a"), strength=strength))
    assert "strength must be a finite number, got " in message


@pytest.mark.parametrize("window", [(0.5, 0.2), (0, NAN), (0, 2), ("a", 1), (0,), None, (0, 0.5, 1)])
def test_row_06_a_window_that_is_none(refused, window):
    message = str(refused(InputError, Guidance, signal=misen.Text("a"), window=window))
    assert "window must satisfy 0 <= start < end <= 1, got " in message


@pytest.mark.parametrize("seed", [-1, 2**64, 1.5, HUGE, "7", True, [1.5], {1}])
def test_row_07_a_seed_that_is_none(model, refused, idle, seed):
    message = str(refused(InputError, model.synthesize, seed=seed))
    assert "seed must be a whole number from 0 to 2**63 - 1, got " in message


def test_row_07_a_seed_left_out_is_drawn_and_returned(model):
    [picture] = model.synthesize(num_inference_steps=2).images
    assert 0 <= picture.seed < 2**63
    assert torch.equal(pixels(model, seed=picture.seed)[0], picture.tensor)


def test_seeds_and_signals_must_fit_the_number_of_pictures(model, refused, idle):
    assert "0 seeds were given for at least one picture" in str(refused(InputError, model.synthesize, seed=[]))
    three = misen.Text(["a", "b", "c"])
    for count in (1, 2):
        message = str(refused(InputError, model.synthesize, three, num_images=count))
        assert f"text has 3 items for {count} pictures" in message
    assert "text has 0 items" in str(refused(InputError, model.synthesize, misen.Text([])))


@pytest.mark.parametrize("settings", [{"sampler": 7}, {"sampler": []}, {"strength": "a"}, {"batch_size": "2"}])
def test_other_settings_of_another_type(model, refused, idle, settings):
    assert refused(InputError, model.synthesize, **settings).field == next(iter(settings))


@pytest.mark.parametrize("device", ["banana", "cuda:99", 7.5])
def test_a_device_there_is_not(refused, device):
    assert "cannot be used here. cpu works" in str(refused(InputError, misen.load, "avatars/diffusion", device=device))


# --- rows 8 to 12: pictures ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "guess"),
    [
        (b"", "an empty file"),
        (b"a letter to my aunt\n", "plain text"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"></svg>', "an SVG drawing"),
        (b"%PDF-1.7", "a PDF document"),
    ],
)
def test_row_08_what_is_no_picture(model, refused, idle, tmp_path, content, guess):
    path = tmp_path / "face.png"
    path.write_bytes(content)
    for action in (model.edit, misen.Sketch, misen.Exemplar, misen.Depth, misen.Segmentation):
        message = str(refused(FormatError, action, path))
        assert message.startswith(f"face.png is not a picture that can be opened: it looks like {guess}. accepted: PNG")
    assert f"it looks like {guess}" in str(refused(FormatError, model.edit, content))


@pytest.mark.parametrize("given", [7, torch.ones(8, 8), torch.ones(3, 0, 0), torch.ones(2, 3, 8, 8), np.ones(3)])
def test_row_08_other_things_are_no_picture(model, refused, idle, given):
    assert refused(InputError, model.edit, given).field == "image"


def jpeg() -> bytes:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    stream = BytesIO()
    Image.fromarray(noise).save(stream, "JPEG")
    return stream.getvalue()


def png(**options) -> bytes:
    stream = BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)).save(stream, "PNG", **options)
    return stream.getvalue()


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_row_09_a_truncated_jpeg(model, refused, idle, tmp_path, share):
    path = tmp_path / "truncated.jpg"
    path.write_bytes(jpeg()[: int(share * len(jpeg()))])
    message = str(refused(FormatError, model.edit, path))
    assert message.startswith("truncated.jpg is truncated or corrupt: its JPEG data of")


def test_row_09_a_truncated_photograph(model, refused, idle, shared_data):
    message = str(refused(FormatError, model.edit, shared_data / "skimage_photos" / "truncated.jpg"))
    assert message.startswith("truncated.jpg is truncated or corrupt: its JPEG data of")


def test_row_09_a_png_with_a_flipped_bit(model, refused, idle):
    content = bytearray(png())
    content[content.index(b"IDAT") + 40] ^= 1
    assert "image is truncated or corrupt" in str(refused(FormatError, model.edit, bytes(content)))


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.mark.parametrize("side", [20_000, 10_000])
def test_row_10_a_bomb(model, refused, idle, tmp_path, side):
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    assert len(bomb) == 65
    path = tmp_path / "bomb.png"
    path.write_bytes(bomb)
    tracemalloc.start()
    start = time.process_time()
    message = str(refused(LimitError, model.edit, path))
    seconds, (_, peak) = time.process_time() - start, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert f"{side} x {side} = {side * side:,} pixels; the limit is {PIXEL_LIMIT:,}" in message
    assert seconds < 0.05
    assert peak < 50e6


def test_row_10_a_file_without_an_end_is_read_up_to_the_limit(refused, monkeypatch):
    monkeypatch.setattr("misen.media.picture.BYTE_LIMIT", 1 << 16)
    assert "zero is not a picture" in str(refused(FormatError, open_picture, "/dev/zero"))


def saved(image: Image.Image, form: str, **options) -> bytes:
    stream = BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def unusual() -> dict[str, tuple[bytes, tuple[int, int, int]]]:
    """Files of each unusual kind, and the color their top left pixel must have."""
    red = Image.new("RGB", (64, 64), "red")
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    turned = Image.new("RGB", (64, 64), "blue")
    turned.paste("red", (32, 32, 64, 64))
    clear = Image.new("P", (64, 64), 0)
    clear.putpalette([255, 0, 0, 0, 255, 0])
    return {
        "1 bit": (saved(Image.new("1", (64, 64), 1), "PNG"), (255, 255, 255)),
        "16 bits": (saved(Image.fromarray(np.full((64, 64), 0x80FF, np.uint16)), "PNG"), (128, 128, 128)),
        "CMYK": (saved(Image.new("CMYK", (64, 64), (0, 255, 255, 0)), "TIFF"), (255, 0, 0)),
        "palette with alpha": (saved(clear, "PNG", transparency=0), (255, 255, 255)),
        "turned by a camera": (saved(turned, "JPEG", exif=exif, quality=100, subsampling=0), (254, 0, 0)),
        "grey with alpha": (saved(Image.new("LA", (64, 64), (0, 0)), "PNG"), (255, 255, 255)),
        "plain": (saved(red, "BMP"), (255, 0, 0)),
    }


@pytest.mark.parametrize("kind", unusual())
def test_row_11_unusual_files_have_a_defined_meaning(model, kind):
    content, expected = unusual()[kind]
    corner = (color(open_picture(content))[0, :, 4, 4] + 1) * 127.5
    assert (corner - torch.tensor(expected)).abs().max() <= 1
    assert pixels(model, image=content, strength=0.5).isfinite().all()


def test_row_11_of_an_animation_the_first_frame_counts_with_a_note(model):
    frames = [Image.new("RGB", (64, 64), name) for name in ("red", "blue")]
    moving = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    with pytest.warns(UserWarning, match="image is an animation of 2 frames; the first one is used"):
        first = pixels(model, image=moving, strength=0)
    assert torch.equal(first, pixels(model, image=saved(frames[0], "PNG"), strength=0))


def test_row_12_a_mask_of_another_size(model, refused, idle):
    message = str(refused(InputError, model.edit, np.zeros((48, 64, 3), np.uint8), mask=np.zeros((64, 32), np.uint8)))
    assert message == "the mask is 32 x 64 and the picture 64 x 48. make them the same size"


def test_row_12_a_mask_of_nothing_returns_the_picture_and_of_everything_repaints_it(model):
    source = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    nothing = model.edit(source, "a man", mask=np.zeros((64, 64), np.uint8), **QUICK).images[0]
    assert np.array_equal(np.asarray(nothing.pil), source)
    everything = model.edit(source, "a man", mask=np.full((64, 64), 255, np.uint8), **QUICK).images[0]
    assert (np.asarray(everything.pil) != source).any(-1).mean() > 0.9


# --- rows 13 to 15, 18 and 19: signals -------------------------------------------------------------------------------


def test_row_13_an_unknown_class(refused, tmp_path):
    labels = torch.zeros(64, 64, dtype=torch.uint8)
    labels[:2, :5] = 99
    picture = tmp_path / "map.png"
    Image.fromarray(labels.numpy()).save(picture)
    for given in (labels, picture):
        message = str(refused(InputError, misen.Segmentation, given))
        assert "unknown class ids: 99 (10 pixels)" in message
        assert all(f"{index} {name}" in message for index, name in enumerate(CLASSES))


@pytest.mark.parametrize(
    ("box", "why"),
    [
        ([0.6, 0.1, 0.2, 0.9], "empty or turned over"),
        ([0.1, 0.1, 1.2, 0.9], "corners from 0 to 1"),
        ([-0.1, 0.1, 0.2, 0.9], "corners from 0 to 1"),
        ([NAN, 0.1, 0.2, 0.9], "corners from 0 to 1, got [nan, 0.1, 0.2, 0.9]"),
        ([10**400, 0.1, 0.2, 0.9], "[x0, y0, x1, y1]"),
        ([0.1, 0.2], "[x0, y0, x1, y1]"),
        (None, "[x0, y0, x1, y1]"),
    ],
)
def test_row_14_a_box_that_is_none(refused, box, why):
    boxes = [{"label": "head", "box": [0, 0, 1, 1]}, {"label": "hat", "box": box}]
    message = str(refused(InputError, misen.Layout, boxes))
    assert message.startswith("box 1 ")
    assert why in message


def test_row_14_too_many_boxes(refused):
    message = str(refused(LimitError, misen.Layout, [{"label": "hat", "box": [0, 0, 1, 1]}] * 10_000))
    assert "a layout has 10,000 boxes; the limit is 13" in message


@pytest.mark.parametrize("count", [len(LANDMARKS) - 1, 68, 0])
def test_row_15_another_number_of_landmarks(refused, count):
    message = str(refused(InputError, misen.Landmarks, [[0.5, 0.5]] * count))
    assert f"landmarks must be {len(LANDMARKS)} points, got {count}" in message


@pytest.mark.parametrize(
    ("point", "why"),
    [
        ([NAN, 0.5], "is not a number"),
        ([0.5, 1.5], "lies outside the picture"),
        ([-0.5, 0.5], "lies outside the picture"),
        ([10**400, 0.5], "must be [x, y] or null"),
        ("ab", "must be [x, y] or null"),
        ([0.5], "must be [x, y] or null"),
    ],
)
def test_row_15_a_landmark_that_is_none(refused, point, why):
    points = [[0.5, 0.5]] * len(LANDMARKS)
    points[7] = point
    message = str(refused(InputError, misen.Landmarks, points))
    assert message.startswith(f"landmark 7 ({LANDMARKS[7]})")
    assert why in message


@pytest.mark.parametrize("values", [{"yaw": 10**400}, {"yaw": NAN}, {"yaw": "a"}, {"pitch": 91}, {"zoom": 2}])
def test_a_camera_that_is_none(refused, values):
    refused(InputError, misen.Camera.from_json, [values])


@pytest.mark.parametrize("triples", [5, [[]], [[1, 2, 3]], [[[], "a", "b"]], [["head", "wearing", "nose"]]])
def test_a_graph_that_is_none(refused, triples):
    refused(InputError, misen.Graph, triples)


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("hair_colour=blue", ["there is no attribute 'hair_colour'", "did you mean 'hair_color'?", "glasses, hat"]),
        ("hair_color=vermillion", ["hair_color cannot be 'vermillion'", "accepted: ", "red", "blond"]),
        ("glasses=round,glasses=none", ["glasses is given twice: 'round' and 'none'"]),
        ("glasses=round*0.7+square*0.7", ["glasses: weights must add up to at most 1, got 1.4"]),
        ("glasses", ["'glasses' is not key=value"]),
    ],
)
def test_row_18_attributes_that_are_unknown_or_contradict_each_other(refused, argument, words):
    message = str(refused(InputError, misen.Attributes.parse, argument))
    assert all(word in message for word in words), message


def test_row_19_guidance_no_route_can_follow(model, refused):
    wish = Guidance(signal=misen.Camera(yaw=20), route="adapted")
    error = refused(Unreachable, model.synthesize, wish)
    assert error.exit_code == 4
    assert "camera cannot be followed (adapted: no adapter is loaded)" in error.message
    assert all(name in error.hint for name in ("native: ", "consistency: ", "sketch", "text"))


# --- row 20: overflow ------------------------------------------------------------------------------------------------


def test_row_20_an_overflow_is_repeated_in_float32_and_told(model, monkeypatch):
    convolution = model.opened.generator.denoiser.unet.conv_in
    monkeypatch.setattr(convolution.weight, "data", 1e6 * convolution.weight.data)  # beyond float16
    plain = model.synthesize(seed=1)
    with torch.autocast("cpu", torch.float16):
        rescued = model.synthesize(seed=1)
    assert [result.report()["retried"] for result in (plain, rescued)] == [0, 3]
    assert [step.size for step in rescued.traces[0]] == [step.size for step in plain.traces[0]]


def test_row_20_a_picture_that_overflows_is_shown_again_in_float32(model, monkeypatch):
    convolution = model.opened.generator.autoencoder.decoder.entry
    monkeypatch.setattr(convolution.weight, "data", 1e6 * convolution.weight.data)
    with torch.autocast("cpu", torch.float16):
        assert pixels(model).isfinite().all()


def test_row_20_an_overflow_that_stays_names_the_step(model, monkeypatch):
    convolution = model.opened.generator.denoiser.unet.conv_in
    monkeypatch.setattr(convolution.weight, "data", torch.inf * convolution.weight.data)
    with pytest.raises(NotFinite, match="step 0 gave NaN or infinity, also in float32"):
        model.synthesize(seed=1)


# --- row 24: batches -------------------------------------------------------------------------------------------------


def test_row_24_a_picture_does_not_depend_on_how_many_are_made(model):
    wish = misen.Text("a man")
    three = pixels(model, wish, num_images=3)
    for first, count in ((0, 1), (1, 2)):
        assert torch.equal(pixels(model, wish, seed=1 + first, num_images=count), three[first : first + count])
    together = pixels(model, wish, num_images=3, batch_size=2)
    assert (together - three).abs().max() * 127.5 <= 2


def test_signals_in_json_are_refused_one_by_one(refused):
    """Whatever a recipe's ``content`` holds, a signal is made of it or an error of ours."""
    for name in ("Text", "Segmentation", "Sketch", "Landmarks", "Layout", "Depth", "Graph", "Exemplar"):
        for item in ({}, [], None, 7, {"png": None}, {"png": "é"}, {"points": 3}, {"boxes": 3}, {"triples": 3}):
            kind = getattr(misen, name)
            with pytest.raises(InputError):
                kind.from_json([item])
    recipe = {"model": {"name": "avatars/diffusion"}, "guidances": [{"modality": "text", "content": []}]}
    assert "guidances.0.content" in str(refused(misen.core.errors.ConfigError, Recipe.parse, json.dumps(recipe)))
