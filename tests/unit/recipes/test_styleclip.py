"""StyleCLIP's recipes in miniature: a mapper that learns one wish, and directions that are measured once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from misen import assembly
from misen.app import Model
from misen.assembly import Defaults, Opened
from misen.core.errors import InputError, ModelFileError
from misen.core.seeding import Streams
from misen.editing import styleclip
from misen.editing.directions import Directions
from misen.editing.styleclip import direction
from misen.nn import weights
from misen.recipes import build_directions, train_mapper
from misen.recipes.build_directions import effects
from misen.training.config import parse_config
from toys import Euler, ToyDiffusion
from walkers import LATENT, LAYERS, STYLES, Stroll, ToyLayers

RED = "something red"
CONFIG = f"""
name = "mapper"
recipe = "mapper"
batch_size = 4
steps = 60
lr = 0.03
warmup = 0
schedule = "constant"
weight_decay = 0.0
ema = 0.0
precision = "fp32"
[model]
base = "layers"
words = "{RED}"
near = 0.0
identity = 0.0
"""


class Colors:
    """A joint embedding of mean colors; what is not red is green."""

    def image(self, images: Tensor) -> Tensor:
        return functional.normalize(images.mean((2, 3)) + 1e-3, dim=1)

    def text(self, sentences) -> Tensor:
        return torch.tensor([[1.0, 0, 0] if RED in one else [0, 1.0, 0] for one in sentences])


@pytest.fixture(autouse=True)
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[Opened]:
    """What the recipes open."""
    monkeypatch.setattr(styleclip.coach, "joint", Colors)
    one = Opened(
        name="layers",
        generator=ToyLayers(),
        samplers={"stroll": lambda steps: Stroll(steps)},
        defaults=Defaults("stroll", 4, 1.0),
        sha256="ab" * 32,
        save=lambda folder: None,
    )
    for module in (train_mapper, build_directions):
        monkeypatch.setattr(module, "open_model", lambda name: one)
    yield one
    assembly.energies.cache_clear()


def redness(images: Tensor) -> float:
    return float(Colors().image(images)[:, 0].mean())


def test_a_mapper_learns_what_makes_pictures_red(opened, tmp_path: Path) -> None:
    generator, before = opened.generator, opened.generator.network.paint.clone()
    train_mapper.train(parse_config(CONFIG), tmp_path / "run")
    assert torch.equal(generator.network.paint, before)
    folder = tmp_path / "run" / "adapter"
    card = weights.read_card(folder)
    facts = ("styleclip-mapper", RED, LATENT, {"name": "layers", "sha256": "ab" * 32})
    assert tuple(card[name] for name in ("kind", "words", "width", "base")) == facts
    face = generator.finish(generator.start(1, Streams((9,))))
    method = f"styleclip-mapper:adapter={folder},search=20"
    [plain] = Model(opened).edit(face, method=f"{method},share=0", seed=1).images
    [made] = Model(opened).edit(face, method=method, seed=1).images
    assert redness(made.tensor[None]) > redness(plain.tensor[None]) + 0.2
    assert made.recipe.files.keys() == {f"{folder}/model.safetensors"}
    with pytest.raises(ModelFileError, match="tuned on other weights"):
        Model(replace(opened, sha256="ef" * 32)).edit(face, method=method)


def test_a_mapper_is_as_far_from_nothing_as_it_may_be(opened, tmp_path: Path) -> None:
    lengths = []
    for near in (0.0, 100.0):
        folder = tmp_path / str(near)
        train_mapper.train(parse_config(CONFIG, overrides=[f"model.near={near}", "steps=20"]), folder)
        mapper = train_mapper.LatentMapper(LATENT)
        weights.load(mapper, folder / "adapter")
        with torch.no_grad():
            lengths.append(float(mapper(opened.generator.start(4, Streams(range(4))).value).norm()))
    assert lengths[1] < 0.5 * lengths[0]


def test_effects_are_derivatives_of_the_embedding(opened) -> None:
    generator = opened.generator.in_styles()
    state = generator.start(2, Streams((1, 2)))
    found = effects(generator, state)
    assert found.shape == (2, LAYERS * STYLES, 3)
    assert torch.allclose(found.norm(dim=2), torch.ones(2, LAYERS * STYLES), atol=1e-4)
    step = torch.zeros_like(state.value)
    step[:, 4] = 1e-3
    ends = [Colors().image(generator.show(state.value + sign * step)) for sign in (1, -1)]
    assert torch.allclose(functional.normalize(ends[0] - ends[1], dim=1), found[:, 4], atol=1e-2)


def test_directions_make_pictures_red(opened, tmp_path: Path) -> None:
    folder = tmp_path / "directions"
    build_directions.main([str(folder), "--model", "layers", "--samples", "30"])
    read, card = Directions.read(folder), weights.read_card(folder)
    assert (card["samples"], card["base"]["name"]) == (30, "layers")
    assert read.effects.shape == (LAYERS * STYLES, 3)
    assert read.effects.norm(dim=1).max() <= 1
    assert (read.deviations > 0).all()
    assert torch.allclose(direction(RED, "a person"), torch.tensor([2**-0.5, -(2**-0.5), 0.0]))
    face = opened.generator.finish(opened.generator.start(1, Streams((9,))))
    reds = []
    for alpha in (-2.0, 0.0, 2.0):
        method = f"styleclip-direction:adapter={folder},alpha={alpha},search=20"
        [made] = Model(opened).edit(face, RED, method=method, seed=1).images
        reds.append(redness(made.tensor[None]))
    assert reds == sorted(reds)
    assert reds[2] > reds[0] + 0.2


def test_models_without_latents_or_styles_are_refused(opened, monkeypatch, tmp_path: Path) -> None:
    other = replace(opened, generator=ToyDiffusion(), samplers={"euler": lambda steps: Euler()})
    monkeypatch.setattr(train_mapper, "open_model", lambda name: other)
    with pytest.raises(InputError, match="has no latents of layers"):
        train_mapper.train(parse_config(CONFIG), tmp_path)
    with pytest.raises(InputError, match="has no styles"):
        build_directions.build_directions(other)
