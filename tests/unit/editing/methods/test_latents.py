"""Edits that begin at the latents of a picture: by wishes, by words, by mappers and by directions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from misen.core.errors import InputError, ModelFileError, NotFoundError, Unreachable
from misen.core.guidance import Guidance
from misen.core.seeding import Streams
from misen.editing import styleclip
from misen.editing.canvas import Canvas
from misen.editing.directions import Directions
from misen.editing.memory import Memory
from misen.editing.methods.invert import Invert
from misen.editing.methods.method import Edit, Method
from misen.editing.methods.styleclip import StyleCLIP
from misen.editing.methods.styleclip_direction import StyleCLIPDirection
from misen.editing.methods.styleclip_mapper import StyleCLIPMapper
from misen.inversion import optimize, pack, tune_pivot
from misen.metrics.fidelity import psnr
from misen.modalities.text.signal import Text
from misen.nn import weights
from misen.nn.latent_mapper import LatentMapper
from misen.synthesis import plan, synthesize
from toys import Euler, ToyDiffusion, energies, tint
from walkers import LATENT, LAYERS, STYLES, Stroll, ToyLayers

WALK = Stroll()
RED, BLUE = "something red", "something blue"


class Colors:
    """A joint embedding of mean colors, in which two sentences have a place."""

    def image(self, images: Tensor) -> Tensor:
        return torch.nn.functional.normalize(images.mean((2, 3)) + 1e-3, dim=1)

    def text(self, sentences) -> Tensor:
        return torch.tensor([[1.0, 0, 0] if RED in s else [0, 0, 1.0] if BLUE in s else [0, 1.0, 0] for s in sentences])


@pytest.fixture(autouse=True)
def colors(monkeypatch: pytest.MonkeyPatch) -> Colors:
    monkeypatch.setattr(styleclip.coach, "joint", Colors)
    return Colors()


@pytest.fixture
def picture() -> Tensor:
    """What the toy makes of a seed."""
    generator = ToyLayers()
    return generator.finish(generator.start(1, Streams((3,))))


def told(*words: str, sampler=WALK, generator=None):
    wishes = [Guidance(signal=Text(prompt)) for prompt in words]
    measures = {**energies(), "text": Nothing()}
    return plan(generator or ToyLayers(), wishes, sampler=sampler, encoders={}, energies=measures)


class Nothing:
    """Measures nothing."""

    def begin(self, signal, first):
        return lambda view: 0 * view.image.sum((1, 2, 3))


def edit(picture: Tensor, made, strength: float = 1.0, **rest) -> Edit:
    canvas = Canvas(picture)
    return Edit(generator=ToyLayers(), sampler=WALK, plan=made, canvas=canvas, strength=strength, **rest)


def edited(method: Method, picture: Tensor, made, strength: float = 1.0, **rest) -> Tensor:
    beginning = method.begin(edit(picture, made, strength, **rest))
    seeds = (1, 2)
    return synthesize(beginning.generator, WALK, made, seeds=seeds, start=beginning.start).images


def test_an_inverted_picture_is_made_again_and_wishes_move_it(picture) -> None:
    plain = edited(Invert(), picture, told())
    assert plain.shape == (2, 3, 16, 16)
    assert psnr(plain, picture.expand(2, -1, -1, -1)).min() > 25
    wish = [Guidance(signal=tint((0.4, -0.4, 0.0)))]
    guided = plan(ToyLayers(), wish, sampler=WALK, encoders={}, energies=energies())
    moved = edited(Invert(), picture, guided)
    goal = torch.tensor([0.4, -0.4, 0.0])
    away = lambda images: (images.mean((2, 3)) - goal).norm(dim=1).mean()  # noqa: E731
    assert away(moved) < 0.9 * away(plain)


def test_more_updates_keep_more_and_all_is_counted(picture) -> None:
    few, many = (edited(Invert(search=count), picture, told()) for count in (0, 60))
    assert (psnr(many, picture.expand(2, -1, -1, -1)) > psnr(few, picture.expand(2, -1, -1, -1))).all()
    assert Invert(search=7, tune=3).besides(edit(picture, told())) == {"the latents": 7, "the network": 3}
    assert StyleCLIP(search=0, steps=9).besides(edit(picture, told())) == {"the words": 9}


def test_a_network_that_learned_the_picture_shows_it(picture) -> None:
    strange = picture.flip(3)
    plain, tuned = (edited(Invert(search=20, tune=count), strange, told()) for count in (0, 30))
    assert (psnr(tuned, strange.expand(2, -1, -1, -1)) > psnr(plain, strange.expand(2, -1, -1, -1))).all()


def test_latents_that_were_kept_are_gone_on_from(picture, monkeypatch) -> None:
    generator, bare = ToyLayers(), told()
    kept = pack(generator, optimize(generator, WALK, bare, picture, steps=5))
    monkeypatch.setattr("misen.editing.methods.latents.optimize", lambda *_, **__: pytest.fail("it is sought again"))
    again = edited(Invert(), picture, bare, kept=kept)
    assert torch.allclose(again, generator.show(kept["latents"]).expand(2, -1, -1, -1), atol=1e-5)
    assert Invert().besides(edit(picture, bare, kept=kept)) == {}


def test_words_move_the_latents_and_the_strength_says_how_far(picture, colors) -> None:
    close = lambda images: float((colors.image(images) * colors.text([RED])).sum(1).mean())  # noqa: E731
    method = StyleCLIP(steps=40, near=0.0, identity=0.0)
    none, half, whole = (edited(method, picture, told(RED), strength) for strength in (0.0, 0.5, 1.0))
    assert close(none) < close(half) < close(whole)
    assert close(whole) > 0.9
    assert psnr(none, picture.expand(2, -1, -1, -1)).min() > 25


def test_what_keeps_the_picture_keeps_it(picture) -> None:
    free, near = (edited(StyleCLIP(steps=40, near=w, identity=0.0), picture, told(RED)) for w in (0.0, 1.0))
    assert (near - picture).square().mean() < 0.7 * (free - picture).square().mean()


def test_who_is_shown_is_looked_at_by_the_side_that_steers(picture, monkeypatch) -> None:
    asked = []
    observer = styleclip.coach.observer()
    monkeypatch.setattr(styleclip.coach, "observer", lambda: lambda images: asked.append(1) or observer(images))
    edited(StyleCLIP(search=0, steps=2, identity=0.0), picture, told(RED))
    without, asked[:] = len(asked), []
    edited(StyleCLIP(search=0, steps=2, identity=0.5), picture, told(RED))
    assert len(asked) > without


def test_one_prompt_is_followed(picture) -> None:
    for made in (told(), told(RED, BLUE)):
        with pytest.raises(InputError, match="one prompt"):
            StyleCLIP(search=0).begin(edit(picture, made))
    with pytest.raises(InputError, match="needs words"):
        StyleCLIP().check({"picture"})


def test_one_search_serves_edits_of_several_strengths(picture, monkeypatch) -> None:
    sought, memory = [], Memory()
    monkeypatch.setattr(
        "misen.editing.methods.latents.optimize", lambda *given, **how: sought.append(1) or optimize(*given, **how)
    )
    for strength in (0.25, 1.0):
        StyleCLIP(search=1, steps=1).begin(edit(picture, told(RED), strength, memory=memory))
    assert sought == [1]


@pytest.fixture
def mapper(tmp_path: Path) -> Path:
    """A mapper that adds something to each layer."""
    torch.manual_seed(0)
    network = LatentMapper(LATENT)
    for parameter in network.parameters():
        parameter.data.add_(0.5 * torch.randn_like(parameter))
    weights.save(network, tmp_path / "mapper", {"kind": "styleclip-mapper", "width": LATENT})
    return tmp_path / "mapper"


def test_a_mapper_adds_to_any_picture(picture, mapper) -> None:
    method = StyleCLIPMapper(adapter=str(mapper))
    still, plain = edited(replace(method, share=0.0), picture, told()), edited(Invert(), picture, told())
    assert torch.allclose(still, plain, atol=1e-4)
    away = [float((edited(method, picture, told(), s) - still).norm()) for s in (0.5, 1.0)]
    assert 0 < away[0] < away[1]


def test_a_mapper_begins_with_nothing_to_say_and_tells_layers_apart() -> None:
    point = torch.randn(2, LAYERS, LATENT)
    fresh = LatentMapper(LATENT)
    assert fresh(point).abs().max() == 0
    for parameter in fresh.parameters():
        parameter.data.add_(torch.randn_like(parameter))
    alike = fresh(point[:, :1].expand(-1, LAYERS, -1))
    assert not torch.allclose(alike[:, 0], alike[:, 1])


def test_mappers_that_do_not_fit_are_refused(picture, mapper, tmp_path) -> None:
    with pytest.raises(InputError, match="needs an adapter"):
        StyleCLIPMapper().check({"picture"})
    with pytest.raises(NotFoundError):
        StyleCLIPMapper(adapter=str(tmp_path / "none")).begin(edit(picture, told()))
    weights.save(LatentMapper(LATENT + 1), tmp_path / "wide", {"width": LATENT + 1})
    with pytest.raises(InputError, match=f"latents of {LATENT + 1} numbers"):
        StyleCLIPMapper(adapter=str(tmp_path / "wide")).begin(edit(picture, told()))


@pytest.fixture
def directions() -> Directions:
    """The first channel makes things red, the second blue, and so on, by turns."""
    effects = torch.eye(3)[torch.arange(LAYERS * STYLES) % 3]
    return Directions(effects, torch.full((LAYERS * STYLES,), 0.5))


def test_channels_are_chosen_by_their_effect(directions) -> None:
    wanted = torch.tensor([0.8, 0.0, -0.6])
    change = directions.towards(wanted, beta=0.1)
    assert change[:3].tolist() == pytest.approx([0.5, 0.0, -0.375])
    assert directions.towards(wanted, beta=0.7)[:3].tolist() == pytest.approx([0.5, 0.0, 0.0])
    with pytest.raises(InputError, match=r"no channel moves pictures that way by beta 0.9. .*0.800"):
        directions.towards(wanted, beta=0.9)


def test_directions_are_kept(directions, tmp_path, mapper) -> None:
    directions.save(tmp_path / "directions", {"samples": 3})
    read = Directions.read(tmp_path / "directions")
    assert torch.equal(read.effects, directions.effects)
    assert torch.equal(read.deviations, directions.deviations)
    with pytest.raises(ModelFileError, match="holds no directions"):
        Directions.read(mapper)


def test_styles_move_by_alpha(picture, directions, tmp_path) -> None:
    directions.save(tmp_path / "directions", {})
    method = StyleCLIPDirection(adapter=str(tmp_path / "directions"))
    images = [edited(replace(method, alpha=alpha), picture, told(RED)) for alpha in (0.0, 1.0, 2.0)]
    away = [float((image - images[0]).norm()) for image in images]
    assert away == sorted(away)
    assert away[1] > 0
    assert psnr(images[0], picture.expand(2, -1, -1, -1)).min() > 20
    half = edited(replace(method, alpha=2.0), picture, told(RED), strength=0.5)
    assert torch.allclose(half, images[1], atol=1e-5)


@pytest.mark.parametrize("tune", [0, 20])
def test_styles_of_latents_that_were_kept_move(picture, directions, tmp_path, monkeypatch, tune) -> None:
    directions.save(tmp_path / "directions", {})
    generator, bare = ToyLayers(), told(RED)
    found = optimize(generator, WALK, told(), picture.flip(3), steps=5)
    if tune:
        found = tune_pivot(generator, WALK, told(), picture.flip(3), found, steps=tune)
    monkeypatch.setattr("misen.editing.methods.latents.optimize", lambda *_, **__: pytest.fail("it is sought again"))
    method = StyleCLIPDirection(adapter=str(tmp_path / "directions"))
    kept = pack(generator, found)
    still, moved = (edited(replace(method, alpha=alpha), picture, bare, kept=kept) for alpha in (0.0, 2.0))
    assert torch.allclose(still, found.images.expand(2, -1, -1, -1), atol=1e-5)
    assert not torch.allclose(still, moved, atol=1e-2)


def test_one_search_serves_edits_by_words_and_by_directions(picture, directions, tmp_path, monkeypatch) -> None:
    directions.save(tmp_path / "directions", {})
    sought, memory, made = [], Memory(), told(RED)
    monkeypatch.setattr(
        "misen.editing.methods.latents.optimize", lambda *given, **how: sought.append(1) or optimize(*given, **how)
    )
    for method in (Invert(search=1), StyleCLIPDirection(adapter=str(tmp_path / "directions"), search=1)):
        method.begin(edit(picture, made, memory=memory))
    assert sought == [1]


def test_models_without_latents_or_styles_say_so(picture, directions, tmp_path) -> None:
    directions.save(tmp_path / "directions", {})
    diffusion, euler = ToyDiffusion(), Euler()
    made = told(RED, sampler=euler, generator=diffusion)
    whole = Edit(generator=diffusion, sampler=euler, plan=made, canvas=Canvas(picture), strength=1.0)
    with pytest.raises(Unreachable, match="not of latents"):
        StyleCLIP().begin(whole)
    with pytest.raises(Unreachable, match="no styles"):
        StyleCLIPDirection(adapter=str(tmp_path / "directions")).begin(whole)
