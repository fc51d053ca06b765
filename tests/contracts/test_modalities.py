"""One battery for every registered modality: signal, encoder, energy and judge keep their contracts."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from elsewhere import FAR, back, elsewhere
from misen.core.errors import InputError
from misen.core.registry import modalities, moving
from misen.core.signal import Signal
from misen.core.view import View
from misen.data.talking import Talking, talk
from misen.data.world import tell_truth
from misen.perception.frozen import placed
from misen.perception.heard import Heard
from misen.perception.hearing import Hearing, hearing_a
from misen.perception.reading import Reading
from misen.perception.text import tokenizer
from misen.scene.anatomy import CLASSES, EXPRESSION_AXES, LANDMARKS
from misen.scene.attributes import ATTRIBUTES, ONE_HOT_WIDTH
from misen.scene.sampling import sample
from misen.scene.speech import MOUTH_AXES
from misen.scene.truth import Truth

NAMES = sorted(modalities())
BATCH = 4
FRAMES = 12
"""Of each clip, where what is observed moves."""


class SmallObserver(nn.Module):
    """Random, tiny and smooth: enough to see that energies have gradients and judges have scores."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.maps = nn.Conv2d(3, len(CLASSES) + 1 + len(LANDMARKS), 5, padding=2)
        self.vectors = nn.Linear(3 * 16 * 16, ONE_HOT_WIDTH + 32 + 3 + 3 + 64 + len(EXPRESSION_AXES) + 256)

    def forward(self, images: Tensor) -> Reading:
        images = functional.interpolate(images, (64, 64), mode="bilinear")
        segmentation, depth, heat = self.maps(images).split([len(CLASSES), 1, len(LANDMARKS)], dim=1)
        vectors = self.vectors(functional.avg_pool2d(images, 4).flatten(1))
        parts = vectors.split([ONE_HOT_WIDTH, 32, 3, 3, 64, len(EXPRESSION_AXES), 256], dim=1)
        attributes, visible, camera, facing, identity, expression, features = parts
        weight = heat.flatten(2).softmax(2)
        axis = (torch.arange(64, device=images.device) + 0.5) / 64
        grid = torch.stack((axis.repeat(64), axis.repeat_interleave(64)), dim=1)
        identity = functional.normalize(identity, dim=1)
        return Reading(
            attributes, segmentation, weight @ grid, visible, camera, facing, depth.sigmoid(), identity, expression,
            features, (images,),
        )  # fmt: skip


class SmallJoint(nn.Module):
    """A joint embedding of random projections."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.picture = nn.Linear(3 * 16 * 16, 128)

    def image(self, images: Tensor) -> Tensor:
        return functional.normalize(self.picture(functional.adaptive_avg_pool2d(images, 16).flatten(1)), dim=1)

    def text(self, sentences: list[str]) -> Tensor:
        rows = [torch.randn(128, generator=torch.Generator().manual_seed(len(sentence))) for sentence in sentences]
        return functional.normalize(torch.stack(rows), dim=1)


@dataclass
class SmallTextEncoder:
    """A tokenizer and a text model of the shapes that ship, untrained."""

    tokenizer: CLIPTokenizer
    model: CLIPTextModel


class SmallSenses:
    """Stands in for ``misen.perception.coach`` and ``misen.perception.judge``."""

    @staticmethod
    @cache
    def observer() -> SmallObserver:
        return SmallObserver()

    @staticmethod
    @cache
    def joint() -> SmallJoint:
        return SmallJoint()

    @staticmethod
    @cache
    def text_encoder() -> SmallTextEncoder:
        words = tokenizer()
        config = CLIPTextConfig(
            vocab_size=len(words), hidden_size=192, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2,
            max_position_embeddings=words.model_max_length, bos_token_id=words.bos_token_id,
            eos_token_id=words.eos_token_id, pad_token_id=words.pad_token_id,
        )  # fmt: skip
        return SmallTextEncoder(words, CLIPTextModel(config).eval())

    @staticmethod
    @cache
    def hearing() -> Hearing:
        with torch.random.fork_rng():
            torch.manual_seed(2)
            return hearing_a().requires_grad_(False).eval()


class DistantSenses:
    """The same networks on another device."""

    def __getattr__(self, sense: str) -> Callable[[], nn.Module]:
        return lambda: placed(getattr(SmallSenses, sense)(), FAR)


class Oracle:
    """Sees the truth, whatever the picture: what is consistent then has no energy and full marks."""

    def __init__(self, truth: Truth) -> None:
        seen, record = truth.observation, truth.record
        blocks = [20 * functional.one_hot(record.attributes[:, i], len(a)) for i, a in enumerate(ATTRIBUTES)]
        generator = torch.Generator().manual_seed(4)
        self.identity = functional.normalize(torch.randn(len(truth), 64, generator=generator), dim=1)
        self.known, self.exemplar = self.identity, truth.exemplar
        self.reading = Reading(
            attributes=torch.cat(blocks, dim=1).float(),
            segmentation=20.0 * functional.one_hot(seen.segmentation.long(), len(CLASSES)).movedim(-1, 1),
            landmarks=seen.landmarks, landmarks_visible=20.0 * seen.landmarks_visible, camera=record.camera[:, :3],
            facing=torch.zeros(len(truth), 3), depth=seen.depth, identity=self.identity,
            expression=record.expression, features=torch.zeros(len(truth), 256), pyramid=(seen.image,),
        )  # fmt: skip

    def observer(self):
        return self.look

    def look(self, images: Tensor) -> Reading:
        """The truth; but an exemplar is always recognised."""
        shown = (images - self.exemplar).abs().max() < 0.01
        return replace(self.reading, identity=self.known) if shown else self.reading

    def joint(self):
        return self

    def image(self, images: Tensor) -> Tensor:
        return self.identity

    def text(self, sentences: list[str]) -> Tensor:
        return self.identity

    def hearing(self):
        return self.listen

    def listen(self, waveform: Tensor) -> Heard:
        """The mouth that is known; classes and features of it are asked of nobody."""
        return Heard(self.mouth, self.mouth, self.mouth)

    @property
    def mouth(self) -> Tensor:
        axes = [EXPRESSION_AXES.index(axis) for axis in MOUTH_AXES]
        return self.reading.expression[:, axes].unflatten(0, (BATCH, -1))


class Other(Oracle):
    """Sees the next avatar, or its clip, instead."""

    def __init__(self, truth: Truth) -> None:
        each = len(truth) // BATCH
        super().__init__(truth[torch.arange(len(truth)).roll(each)])
        self.known, self.exemplar, self.heard = self.identity.roll(each, 0), truth.exemplar, Oracle(truth)

    def listen(self, waveform: Tensor) -> Heard:
        """Hears what is said."""
        return self.heard.listen(waveform)

    def text(self, sentences: list[str]) -> Tensor:
        return self.known


PERFECT = {"landmarks": 0.0, "camera": 0.0}
NEARLY = {"sketch": 0.75, "layout": 0.99}


@pytest.fixture(scope="module")
def truth() -> Truth:
    return tell_truth(sample(torch.arange(100, 100 + BATCH), full_circle=0.0))


@pytest.fixture(scope="module")
def talking() -> Talking:
    return talk(sample(torch.arange(100, 100 + BATCH), full_circle=0.0), FRAMES)


@dataclass(frozen=True)
class Observed:
    """What a modality is observed of, and the pictures that show it: one, or the frames of a clip."""

    of: Any
    truth: Truth
    frames: int = 1

    def chosen(self, order: Tensor) -> Any:
        """What it is observed of, for some of the avatars."""
        if self.frames == 1:
            return self.of[order]
        return SimpleNamespace(utterances=[self.of.utterances[item] for item in order], frames=self.frames)

    @property
    def images(self) -> Tensor:
        return self.truth.observation.image

    def each(self, values: Tensor) -> Tensor:
        """One of each avatar, of one of each picture."""
        return values.unflatten(0, (BATCH, self.frames)).mean(1)


@pytest.fixture
def observed(name: str, truth: Truth, request: pytest.FixtureRequest) -> Observed:
    if name not in moving():
        return Observed(truth, truth)
    clips = request.getfixturevalue("talking")
    return Observed(clips, clips.truth, FRAMES)


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def signal(name: str, observed: Observed) -> Signal:
    return modalities()[name].signal.observe(observed.of, torch.arange(BATCH))


def same(first: Signal, second: Signal) -> bool:
    return first.to_json() == second.to_json()


def encoder(name: str):
    return modalities()[name].part("encoder").build(SmallSenses)


def test_signal_class_carries_its_name(name: str, signal: Signal) -> None:
    assert isinstance(signal, Signal)
    assert signal.modality == name
    assert type(signal).__name__ == modalities()[name].signal_class
    assert len(signal) == BATCH


def test_json_round_trip_is_exact(signal: Signal) -> None:
    written = json.loads(json.dumps(signal.to_json(), allow_nan=False))
    again = type(signal).from_json(written)
    assert same(again, signal)
    for kept, value in vars(signal).items():
        other = getattr(again, kept)
        assert torch.equal(other, value) if isinstance(value, Tensor) else other == value


def test_observation_depends_on_its_seed_alone(name: str, signal: Signal, observed: Observed) -> None:
    order = torch.tensor([2, 0])
    again = modalities()[name].signal.observe(observed.chosen(order), torch.arange(BATCH)[order])
    assert same(again, signal[order])


def test_indexing_keeps_the_batch_axis_and_gathers(signal: Signal) -> None:
    items = signal.to_json()
    assert signal[1].to_json() == [items[1]]
    assert signal[-1].to_json() == [items[-1]]
    assert signal[1:3].to_json() == items[1:3]
    permuted = signal[torch.tensor([3, 0, 0])]
    assert permuted.to_json() == [items[3], items[0], items[0]]


def test_a_signal_can_be_brought_elsewhere_and_back(signal: Signal) -> None:
    with elsewhere():
        again = signal.to(FAR).to("cpu")
    assert same(again, signal)


def test_words_and_preview_are_for_people(signal: Signal) -> None:
    lines = signal.describe()
    assert len(lines) == BATCH
    assert all(line and "\n" not in line for line in lines)
    preview = signal.preview(48)
    if preview is not None:
        assert preview.shape == (BATCH, 3, 48, 48)
        assert preview.min() >= -1
        assert preview.max() <= 1
        assert preview.std() > 0


def test_encodings_have_the_promised_shapes(name: str, signal: Signal) -> None:
    chosen = encoder(name)
    for layout in chosen.layouts:
        condition = chosen.encode(signal, layout)
        axis = 2 if layout == "tokens" else 1
        assert condition.layout == layout
        assert condition.value.ndim == {"vector": 2, "tokens": 3, "map": 4}[layout]
        assert condition.value.shape[axis] == chosen.width(layout)
        assert condition.value.dtype == torch.float32
        assert condition.value.isfinite().all()
        assert condition.present.shape == (BATCH,)
        assert condition.present.any()
        if layout == "tokens":
            assert condition.mask.shape == condition.value.shape[:2]
            assert (condition.mask.any(1) | ~condition.present).all()
        else:
            assert condition.mask is None


def test_encodings_tell_items_apart_and_ignore_the_batch(name: str, signal: Signal) -> None:
    chosen = encoder(name)
    for layout in chosen.layouts:
        together = chosen.encode(signal, layout).value
        assert not torch.equal(together[0], together[1])
        assert torch.allclose(chosen.encode(signal[1], layout).value, together[1:2], atol=1e-5)


def test_other_layouts_are_refused(name: str, signal: Signal) -> None:
    chosen = encoder(name)
    for layout in {"vector", "tokens", "map"} - set(chosen.layouts):
        with pytest.raises(InputError, match="accepted: "):
            chosen.encode(signal, layout)
        with pytest.raises(InputError, match="accepted: "):
            chosen.width(layout)


def test_energy_is_a_differentiable_disagreement(name: str, signal: Signal) -> None:
    image = torch.randn(BATCH, 3, 64, 64, generator=torch.Generator().manual_seed(3)).clamp(-1, 1).requires_grad_()
    energy = modalities()[name].part("energy").build(SmallSenses)
    values = energy.begin(signal, View(image))(View(image))
    assert values.shape == (BATCH,)
    assert values.isfinite().all()
    assert (values >= 0).all()
    assert (values > 0).any()
    (gradient,) = torch.autograd.grad(values.sum(), image)
    assert gradient.isfinite().all()
    moved = gradient.flatten(1).abs().sum(1) > 0
    assert torch.equal(moved, values > 0)


def measured(energy, signal: Signal, image: Tensor) -> tuple[Tensor, Tensor]:
    """An energy and its gradient."""
    image = image.clone().requires_grad_()
    values = energy.begin(signal, View(image))(View(image))
    (gradient,) = torch.autograd.grad(values.sum(), image)
    return values.detach(), gradient


def test_energy_is_measured_where_pictures_are(name: str, signal: Signal) -> None:
    image = torch.randn(BATCH, 3, 64, 64, generator=torch.Generator().manual_seed(3)).clamp(-1, 1)
    build = modalities()[name].part("energy").build
    here = measured(build(SmallSenses), signal, image)
    with elsewhere():
        there = measured(build(DistantSenses()), signal.to(FAR), image.to(FAR))
    for distant, near in zip(there, here, strict=True):
        torch.testing.assert_close(back(distant), near, atol=1e-5, rtol=1e-4)


def test_energy_takes_pictures_of_any_size(name: str, signal: Signal) -> None:
    view = View(torch.zeros(BATCH, 3, 96, 96))
    values = modalities()[name].part("energy").build(SmallSenses).begin(signal, view)(view)
    assert values.shape == (BATCH,)


def test_energy_is_least_for_what_is_wished(name: str, signal: Signal, observed: Observed) -> None:
    energy, view = modalities()[name].part("energy"), View(observed.images, frames=observed.frames)
    wished = observed.each(energy.build(Oracle(observed.truth)).begin(signal, view)(view))
    other = observed.each(energy.build(Other(observed.truth)).begin(signal, view)(view))
    handmade = name == "sketch"  # a drawing also has creases and a hand of its own
    assert (wished < (0.7 if handmade else 0.5) * other).all(), (wished, other)
    assert handmade or wished.max() < 0.02


def test_judge_gives_full_marks_to_the_truth(name: str, signal: Signal, observed: Observed) -> None:
    judge = modalities()[name].part("judge")
    marks = judge.build(Oracle(observed.truth)).score(observed.images, signal)
    others = judge.build(Other(observed.truth)).score(observed.images, signal)
    perfect = PERFECT.get(name, 1.0)
    assert ((marks - perfect).abs() <= (1 - NEARLY.get(name, 0.9999))).all(), marks
    assert ((others - perfect).abs() > (marks - perfect).abs()).all(), others


def test_judge_scores_each_item_for_itself(name: str, signal: Signal, observed: Observed) -> None:
    judge = modalities()[name].part("judge").build(SmallSenses)
    scores = judge.score(observed.images, signal)
    assert scores.shape == (BATCH,)
    assert scores.isfinite().any()
    second = observed.images[observed.frames : 2 * observed.frames]
    assert torch.allclose(judge.score(second, signal[1]), scores[1:2], atol=1e-4, equal_nan=True)
    assert isinstance(judge.metric, str)
    assert judge.metric
    assert isinstance(judge.higher_is_better, bool)
    assert judge.unit in ("", "px", "degrees")


def test_judges_know_neither_energies_nor_encoders(name: str) -> None:
    module = modalities()[name].part("judge")
    origins = {getattr(value, "__module__", "") for value in vars(module).values()}
    assert not {origin for origin in origins if origin and origin.endswith((".energy", ".encoder"))}
