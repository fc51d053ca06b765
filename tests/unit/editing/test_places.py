"""Editing by places, on a toy whose clean picture is the place it is told."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from misen.core.condition import Condition
from misen.core.errors import InputError, Unreachable
from misen.core.estimate import Estimate
from misen.core.generator import Level
from misen.core.guidance import Guidance
from misen.core.port import Port
from misen.core.view import View
from misen.editing.canvas import Canvas
from misen.editing.methods.choice import choose
from misen.editing.methods.interpolate import Interpolate
from misen.editing.methods.method import Edit
from misen.editing.methods.text_difference import TextDifference
from misen.editing.methods.variation import Variation
from misen.editing.places import placing, show, slerp
from misen.generators.diffusion.samplers import Ddim, DpmSolver
from misen.generators.diffusion.schedule import alpha_scale
from misen.generators.diffusion.state import Latents
from misen.synthesis import plan, synthesize
from toys import ToyDiffusion

LEVEL = Level(0.3, 0.8, 0.5)
PICTURE, WORDS = {"picture"}, {"picture", "words"}


class Told:
    """Foresees the place it is told, words added, as a picture of one pixel; nothing where it is told nothing."""

    ports: ClassVar = {"words": Port("vector", 3, frozenset({"words"}))}
    size = 1

    def start(self, batch, rng):
        return Latents(rng.normal(3, 1, 1))

    def restart(self, point, level, rng):
        if level is None:
            return Latents(point)
        alpha, scale = alpha_scale(level.sigma)
        return Latents(alpha * point + scale * rng.normal(3, 1, 1))

    def encode(self, image):
        return functional.normalize(image.mean((2, 3)), dim=1)[..., None, None]

    def predict(self, state, level, conditions):
        total = sum((given.value for given in conditions.values()), torch.zeros(len(state.value), 3))
        return Estimate(total[..., None, None], View)

    def finish(self, state):
        return state.value

    def place(self, images):
        return self.encode(images)[..., 0, 0]

    def read(self, prompts):
        axes = {"a hat": 0, "no hat": 1}
        return torch.stack([functional.one_hot(torch.tensor(axes.get(one, 2)), 3).float() for one in prompts])

    def told(self, places):
        return {"place": Condition.full("vector", places)}


@dataclass(frozen=True)
class Words:
    """A prompt."""

    prompts: tuple[str, ...]
    modality = "words"

    def __len__(self):
        return len(self.prompts)

    def __getitem__(self, index):
        return self

    def to(self, device):
        return self

    def describe(self):
        return list(self.prompts)

    def to_json(self):
        return [{"text": one} for one in self.prompts]

    @classmethod
    def from_json(cls, items):
        return cls(tuple(item["text"] for item in items))

    @classmethod
    def parse(cls, argument):
        return cls((argument,))

    def preview(self, size):
        return None


ENCODER = SimpleNamespace(
    layouts=("vector",),
    width=lambda layout: 3,
    encode=lambda signal, layout: Condition.full(layout, 2 * torch.ones(1, 3)),
)


def ordered(image, *, words=None, scale=1.0, sampler=None, strength=1.0):
    generator, sampler = Told(), sampler or DpmSolver(3)
    wishes = [Guidance(signal=Words((words,)))] if words else []
    made = plan(generator, wishes, sampler=sampler, encoders={"words": ENCODER}, energies={}, scale=scale)
    return Edit(generator=generator, sampler=sampler, plan=made, canvas=Canvas(image), strength=strength)


def edited(method, image, *, seeds=(1,), **settings):
    return walked(method, ordered(image, **settings), seeds)


def walked(method, edit, seeds=(1,)):
    beginning = method.begin(edit)
    walk = synthesize(beginning.generator, edit.sampler, edit.plan, seeds=seeds, start=beginning.start)
    return walk.images[..., 0, 0]


def picture(*color):
    return torch.tensor(color, dtype=torch.float32)[None, :, None, None]


def test_an_arc_is_walked_evenly():
    first, second = functional.normalize(torch.randn(2, 5, 7, generator=torch.Generator().manual_seed(0)), dim=2)
    angle = (first * second).sum(1).acos()
    for share in (0.0, 0.25, 0.5, 1.0):
        between = slerp(first, second, share)
        assert torch.allclose(between.norm(dim=1), torch.ones(5), atol=1e-5)
        assert torch.allclose((first * between).sum(1).clamp(-1, 1).acos(), share * angle, atol=2e-3)
    assert torch.allclose(slerp(first, first, 0.3), first, atol=1e-5)


def test_guidance_extrapolates_from_nothing_unless_the_plan_does():
    generator, state, place = Told(), Latents(torch.zeros(2, 3, 1, 1)), torch.eye(3)[:1]
    bare = plan(generator, [], sampler=DpmSolver(2), encoders={}, energies={}, scale=3.0)
    guided = show(generator, place, bare).predict(state, LEVEL, {}).point[..., 0, 0]
    assert torch.equal(guided, 3 * place.expand(2, -1))
    assert torch.equal(edited(Variation(), picture(1, 0, 0), scale=3.0), 3 * generator.place(picture(1, 0, 0)))
    beside = edited(Variation(), picture(1, 0, 0), words="a hat", scale=3.0)
    assert torch.allclose(beside, 3 * (generator.place(picture(1, 0, 0)) + 2), atol=1e-5)


def test_each_picture_is_told_its_own_place():
    generator, state, places = Told(), Latents(torch.zeros(2, 3, 1, 1)), torch.eye(3)[:2]
    bare = plan(generator, [], sampler=DpmSolver(2), encoders={}, energies={})
    assert torch.equal(show(generator, places, bare).predict(state, LEVEL, {}).point[..., 0, 0], places)


def test_an_interpolation_goes_to_another_file(tmp_path):
    Image.fromarray(np.full((5, 5, 3), (0, 255, 0), np.uint8)).save(tmp_path / "b.png")
    generator, ends = Told(), (picture(1, -1, -1), picture(-1, 1, -1))
    for share in (0.0, 0.5, 1.0):
        method = choose(f"interpolate:other={tmp_path / 'b.png'},share={share}", PICTURE)
        wanted = slerp(*map(generator.place, ends), share)
        assert torch.allclose(edited(method, ends[0]), wanted, atol=1e-2)
    again = Interpolate.of(method.options())
    (tmp_path / "b.png").unlink()
    assert again == method
    assert torch.allclose(edited(again, ends[0]), wanted, atol=1e-2)
    with pytest.raises(InputError, match="needs two pictures"):
        choose("interpolate", PICTURE)
    with pytest.raises(InputError, match="must be the path of a picture"):
        Interpolate(other=3)


def test_a_text_difference_moves_the_place_and_tells_no_words():
    generator, image = Told(), picture(0, 0, 1)
    change = functional.normalize(torch.tensor([[1.0, -1, 0]]), dim=1)
    for share in (0.0, 0.3, 1.0):
        method = TextDifference(source="no hat", share=share, noise="new")
        made = edited(method, image, words="a hat")
        assert torch.allclose(made, slerp(generator.place(image), change, share), atol=1e-5)


def test_a_text_difference_begins_from_the_noise_the_picture_came_from():
    method = TextDifference(source="no hat", share=0.0)
    assert method.way_back == 25
    assert TextDifference(noise="new").way_back is None
    image = picture(0, 0, 1)
    first, second = (edited(method, image, words="a hat", sampler=Ddim(4), seeds=(seed,)) for seed in (1, 2))
    assert torch.equal(first, second)
    assert torch.allclose(first, Told().place(image), atol=1e-4)
    with pytest.raises(Unreachable, match="no way back"):
        edited(method, image, words="a hat")


@pytest.mark.parametrize("scale", [1.0, 3.0])
@pytest.mark.parametrize(
    ("method", "words"),
    [
        (Variation(), None),
        (Variation(), "a hat"),
        (TextDifference("no hat"), "a hat"),
        (TextDifference("no hat", noise="new"), "a hat"),
    ],
)
def test_the_plan_counts_every_answer(monkeypatch, method, words, scale):
    edit, asked, predict = ordered(picture(0, 0, 1), words=words, scale=scale, sampler=Ddim(4)), [], Told.predict
    monkeypatch.setattr(Told, "predict", lambda *args: asked.append(args) or predict(*args))
    walked(method, edit)
    assert len(asked) == edit.plan.beside(method.besides(edit)).evaluations


def test_what_cannot_be_done_is_refused():
    with pytest.raises(InputError, match="the same"):
        edited(TextDifference(source="a hat"), picture(0, 0, 1), words="a hat")
    with pytest.raises(InputError, match="needs words"):
        choose("text-difference", PICTURE)
    assert choose("text-difference:source=a man, bald", WORDS).options()["source"] == "a man, bald"
    with pytest.raises(Unreachable, match="no places"):
        placing(ToyDiffusion())
