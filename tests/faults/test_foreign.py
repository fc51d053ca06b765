"""Rows of the table of faults with somebody else's model: 18 to 23, 28 and 31 to 36.

Rows 16 and 17 are about sound and posed photographs, which such a model takes by no route.
"""

from __future__ import annotations

import json
import pickle  # noqa: TID251  # to make what must be refused
import shutil
import signal
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import foreign
import misen
from misen.app import Model, forecast, replay
from misen.core.errors import InputError, LimitError, ModelFileError, NotFinite, NotFoundError, Unreachable
from misen.core.guidance import Guidance
from misen.nn import room

WEIGHTS = {
    "unet": "unet/diffusion_pytorch_model.safetensors",
    "vae": "vae/diffusion_pytorch_model.safetensors",
    "text_encoder": "text_encoder/model.safetensors",
}
UNET = WEIGHTS["unet"]
QUICK = {"seed": 1, "num_inference_steps": 2}


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    """The folder; not to be changed."""
    return foreign.plain(tmp_path_factory.mktemp("foreign") / "model")


@pytest.fixture(scope="module")
def model(source) -> Model:
    """In place of the model that ships."""
    return misen.load(source)


@pytest.fixture
def folder(source, tmp_path) -> Path:
    """A copy, to be damaged."""
    return shutil.copytree(source, tmp_path / "model")


def pixels(model, *wishes, **settings) -> torch.Tensor:
    return torch.stack([picture.tensor for picture in model.synthesize(*wishes, **{**QUICK, **settings}).images])


# --- rows 18 and 19: signals -----------------------------------------------------------------------------------------


def test_row_18_attributes_are_checked_before_the_model_is_asked(misen, source, tmp_path, idle):
    outcome = misen("generate", "--model", source, "--attributes", "hair_colour=blue", "-o", tmp_path / "a.png")
    assert (outcome.code, outcome.out) == (2, "")
    assert "did you mean 'hair_color'?" in outcome.err


def test_row_19_guidance_no_route_can_follow(model, refused):
    wishes = [Guidance(signal=misen.Camera(yaw=20), route="native"), Guidance(signal=misen.Text("a"), route="adapted")]
    for wish in wishes:
        error = refused(Unreachable, model.synthesize, wish)
        assert f"{wish.modality} cannot be followed" in error.message
        assert "native: text; consistency: attributes" in error.hint


# --- row 20: overflow ------------------------------------------------------------------------------------------------


def test_row_20_an_overflow_is_repeated_in_float32_and_told(model, monkeypatch):
    convolution = model.opened.generator.denoiser.unet.conv_in
    monkeypatch.setattr(convolution.weight, "data", 1e6 * convolution.weight.data)  # beyond float16
    plain = model.synthesize(**QUICK)
    with torch.autocast("cpu", torch.float16):
        rescued = model.synthesize(**QUICK)
    assert [result.report()["retried"] for result in (plain, rescued)] == [0, 2]
    assert [step.size for step in rescued.traces[0]] == [step.size for step in plain.traces[0]]
    assert rescued.images[0].tensor.isfinite().all()


def test_row_20_an_overflow_that_stays_names_the_step(model, monkeypatch):
    convolution = model.opened.generator.denoiser.unet.conv_in
    monkeypatch.setattr(convolution.weight, "data", torch.inf * convolution.weight.data)
    with pytest.raises(NotFinite, match="step 0 gave NaN or infinity, also in float32"):
        model.synthesize(**QUICK)


# --- row 21: memory --------------------------------------------------------------------------------------------------


def test_row_21_an_accelerator_without_memory_left(model, refused, monkeypatch):
    whole, kind = pixels(model), type(model.opened.generator)
    predict, asked = kind.predict, []

    def exhausted(*question):
        asked.append(question)
        if len(asked) == 1:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return predict(*question)

    monkeypatch.setattr(kind, "predict", exhausted)
    error = refused(LimitError, model.synthesize, **QUICK)
    assert error.field == "size"
    assert "a picture of 32 x 32 needs " in error.message
    assert " GB are free" in error.message
    assert error.hint == "16 x 16 fits"
    assert torch.equal(pixels(model), whole)


def test_row_21_other_errors_stay_what_they_are(model, monkeypatch):
    def broken(*_):
        raise RuntimeError("a kernel failed")

    monkeypatch.setattr(type(model.opened.generator), "predict", broken)
    with pytest.raises(RuntimeError, match="a kernel failed"):
        model.synthesize(**QUICK)


def test_row_21_main_memory_is_looked_at_first(model, misen, source, refused, monkeypatch, tmp_path):
    needed = model.workload(model.request(**QUICK)).cost().peak
    monkeypatch.setattr(room, "free", lambda device: needed // 2)
    monkeypatch.setattr(type(model._walker), "_walk", None)
    assert refused(LimitError, model.synthesize, **QUICK).hint == "16 x 16 fits"
    assert "make fewer at once" in str(refused(LimitError, model.synthesize, num_images=2, batch_size=2, **QUICK))
    monkeypatch.setattr(room, "free", lambda device: 1000)
    assert "choose a smaller model" in str(refused(LimitError, model.synthesize, **QUICK))
    outcome = misen("generate", "--model", source, "-o", tmp_path / "a.png")
    assert (outcome.code, outcome.out) == (5, "")
    assert f"opening {source} needs " in outcome.err


# --- rows 22 and 23: threads and callbacks ---------------------------------------------------------------------------


@pytest.fixture(params=["shipped", "foreign"])
def any_model(request, model) -> Model:
    return misen.load("avatars/diffusion") if request.param == "shipped" else model


@pytest.fixture
def two_threads():
    """As many as a machine may have set; restored."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    assert torch.get_num_threads() == 2
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
def test_row_22_eight_threads_share_a_model(any_model):
    wishes = [f"{'a red circle ' * count}on grass" for count in range(8)]

    def make(seed: int) -> torch.Tensor:
        return pixels(any_model, wishes[seed], seed=seed, num_inference_steps=3)

    alone = [make(seed) for seed in range(8)]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(make, [*range(8), *range(8)]))
    assert all(torch.equal(one, other) for one, other in zip([*alone, *alone], together, strict=True))


@pytest.mark.parametrize("step", range(3))
def test_row_23_a_callback_that_raises(model, step):
    failure, fresh = ZeroDivisionError("mine"), pixels(model, "a red circle", num_inference_steps=3)

    def fail(progress):
        if progress.moment.step.index == step:
            raise failure

    with pytest.raises(ZeroDivisionError) as caught:
        model.synthesize("a red circle", seed=1, num_inference_steps=3, callback_on_step_end=fail)
    assert caught.value is failure
    assert torch.equal(pixels(model, "a red circle", num_inference_steps=3), fresh)


# --- row 28: Ctrl-C --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("moment", [1, 6, 7])
def test_row_28_after_ctrl_c_nothing_more_is_predicted(misen, model, source, tmp_path, monkeypatch, moment):
    kind, predicted = type(model.opened.generator), []
    predict = kind.predict

    def interrupted(*question):
        predicted.append(question)
        if len(predicted) == moment:
            signal.raise_signal(signal.SIGINT)
        return predict(*question)

    monkeypatch.setattr(kind, "predict", interrupted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    outcome = misen("generate", "--model", source, "-n", 3, "--steps", 3, "-o", tmp_path / "a.png")
    signal.signal(signal.SIGINT, before)
    assert (outcome.code, outcome.out) == (130, "")
    assert outcome.err == "misen: interrupted; what was finished is kept\n"
    assert len(predicted) == moment
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"a-{k}.png" for k in range((moment - 1) // 3)]


# --- rows 31 and 32: files that are no safetensors -------------------------------------------------------------------


class Bomb:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.mkdir, (self.path,)


@pytest.mark.parametrize("part", WEIGHTS)
def test_row_31_pickles_are_refused_by_content_and_never_run(misen, folder, refused, tmp_path, part):
    mark, path = tmp_path / "executed", folder / WEIGHTS[part]
    path.unlink()
    names = [path, path.with_suffix(".SafeTensors"), path.with_suffix(".bin"), path.with_suffix(".ckpt")]
    for place in names:
        for protocol in (0, 2, 5):
            place.write_bytes(pickle.dumps({"a": Bomb(mark)}, protocol))
            assert "pickle refused" in str(refused(ModelFileError, _load, folder))
        torch.save({"a": Bomb(mark)}, place)
        assert "pickle refused" in str(refused(ModelFileError, _load, folder))
        outcome = misen("generate", "--model", folder, "-o", tmp_path / "a.png")
        assert (outcome.code, outcome.out, outcome.err.count("\n")) == (3, "", 1)
        place.unlink()
    refused(NotFoundError, _load, folder)
    assert not mark.exists()


def _load(folder: Path) -> object:
    return misen.load(folder)


def described(size: int, **entries: object) -> bytes:
    header = json.dumps(entries).encode()
    return len(header).to_bytes(8, "little") + header + bytes(size)


def entry(begin: int, end: int, *shape: int) -> dict[str, object]:
    return {"dtype": "F32", "shape": list(shape), "data_offsets": [begin, end]}


RULES = {
    "length 2**63": ((2**63).to_bytes(8, "little") + b"{}", "its header claims 9223372036854775808 bytes"),
    "empty": (b"", "the file has 0"),
    "header not JSON": (b"\5" + bytes(7) + b"{oops", "its header is not JSON"),
    "duplicate key": (b"\x10" + bytes(7) + b'{"a": 1, "a": 2}', "its header repeats the key 'a'"),
    "overlap": (described(12, a=entry(0, 8, 2), b=entry(4, 12, 2)), "an overlap before the tensor 'b'"),
    "hole": (described(12, a=entry(0, 4, 1), b=entry(8, 12, 1)), "a hole before the tensor 'b'"),
    "trailing bytes": (described(9, a=entry(0, 8, 2)), "1 bytes trail the last tensor"),
    "shape x dtype overflow": (described(4, a=entry(0, 4, 2**62, 2**62)), "shape x type of the tensor 'a' is not"),
}


@pytest.mark.parametrize("part", WEIGHTS)
@pytest.mark.parametrize("rule", RULES)
def test_row_32_every_broken_rule_is_named_at_little_memory(folder, refused, part, rule):
    content, words = RULES[rule]
    (folder / WEIGHTS[part]).write_bytes(content)
    tracemalloc.start()
    message = str(refused(ModelFileError, _load, folder))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert words in message
    assert part in message
    assert peak < len(content) + 2**20


# --- rows 33 to 36: sound files of something else --------------------------------------------------------------------


def rewrite(path: Path, change) -> None:
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path, {"format": "pt"})


@pytest.mark.parametrize("part", WEIGHTS)
def test_row_33_missing_extra_and_misshaped_tensors_are_listed(misen, folder, refused, tmp_path, part):
    vectors = sorted(name for name, tensor in load_file(folder / WEIGHTS[part]).items() if tensor.ndim == 1)

    def change(tensors):
        for name in vectors[:7]:
            del tensors[name]
        for number in range(6):
            tensors[f"extra.{number}"] = torch.zeros(number, 2)
        tensors[vectors[-1]] = torch.zeros(3)

    size = load_file(folder / WEIGHTS[part])[vectors[-1]].numel()
    rewrite(folder / WEIGHTS[part], change)
    message = str(refused(ModelFileError, _load, folder))
    assert "7 missing: " in message
    assert f"{vectors[0]} (" in message
    assert "6 extra: extra.0 (0, 2), extra.1 (1, 2)" in message
    assert message.count("extra.") == 5
    assert f"1 misshaped: {vectors[-1]} (3,) instead of ({size},)" in message
    outcome = misen("generate", "--model", folder, "-o", tmp_path / "a.png")
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (3, "", 1)


@pytest.mark.parametrize("part", WEIGHTS)
@pytest.mark.parametrize("bad", [float("nan"), -float("inf")])
def test_row_34_values_that_are_not_finite_are_named(folder, refused, part, bad):
    name = min(load_file(folder / WEIGHTS[part]))
    rewrite(folder / WEIGHTS[part], lambda tensors: tensors[name].view(-1)[3:4].fill_(bad))
    message = str(refused(ModelFileError, _load, folder))
    assert "holds a NaN or infinity" in message
    assert part in message


@pytest.mark.parametrize("part", WEIGHTS)
def test_row_35_one_flipped_bit_is_told_by_the_digest_that_a_picture_records(folder, refused, tmp_path, part):
    path = misen.load(folder).synthesize(**QUICK).images[0].save(tmp_path / "a.png")
    assert replay(path).status == "identical"
    content = bytearray((folder / WEIGHTS[part]).read_bytes())
    content[-4] ^= 1
    (folder / WEIGHTS[part]).write_bytes(content)
    assert "other weights of" in str(refused(InputError, misen.app.run, misen.app.Recipe.read(path)))


def test_row_36_a_newer_format(misen, folder, refused, tmp_path):
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps({**index, "_diffusers_version": "99.1.0"}))
    message = str(refused(ModelFileError, _load, folder))
    assert "needs diffusers >= 99, have 0." in message
    outcome = misen("generate", "--model", folder, "-o", tmp_path / "a.png")
    assert (outcome.code, outcome.out) == (3, "")


# --- before a model is opened ----------------------------------------------------------------------------------------


def test_damage_is_found_by_a_forecast_too(folder, refused):
    (folder / UNET).write_bytes(pickle.dumps(1))
    assert "pickle refused" in str(refused(ModelFileError, misen.app.outline, folder))


def test_a_forecast_needs_no_weights(source, model):
    outlined = misen.app.outline(source)
    request = outlined.request("a red circle", **QUICK)
    told, known = forecast(outlined, request), forecast(model, model.request("a red circle", **QUICK))
    assert told.flops == known.flops
    assert (told.opening > 0, known.opening) == (True, 0)
    assert told.memory > known.memory - known.free
