"""The recipes of the model that works by way of a joint embedding, from the cache to pictures."""

from __future__ import annotations

import shutil
from types import SimpleNamespace

import pytest
import torch

from misen.app import load
from misen.data.cache import CachedWorld
from misen.data.world import EPOCH
from misen.generators.diffusion.unclip.folder import load_prior
from misen.generators.diffusion.unclip.generator import UnclipGenerator
from misen.generators.diffusion.unclip.places import PLACE, PLACES
from misen.metrics.fid import Moments
from misen.nn import weights
from misen.nn.description import read_card
from misen.perception import coach
from misen.recipes import evaluate_unclip, train_unclip_decoder, train_unclip_prior
from misen.training.config import parse_config

PRIOR = """
name = "avatars/unclip-prior"
recipe = "unclip_prior"
batch_size = 4
steps = 4
warmup = 1
ema = 0.5
precision = "fp32"
[model]
network = { width = 12, layers = 1, heads = 2, components = 4, levels = 4 }
wordings = 2
"""
DECODER = """
name = "avatars/unclip"
recipe = "unclip_decoder"
batch_size = 4
steps = 4
warmup = 1
weight_decay = 0.0
ema = 0.5
[model]
defaults = { steps = 2 }
"""
CONFIG = DECODER
COUNT = 4


@pytest.fixture
def models(codecs, tiny_weights, monkeypatch):
    """The miniature codecs, networks that see, and a model to start from."""
    for name in ("joint-a", "joint-b", "observer-a", "observer-b"):
        shutil.copytree(tiny_weights / name, codecs / name)
    shutil.copytree(tiny_weights / "avatars" / "diffusion", codecs / "avatars" / "diffusion")
    monkeypatch.setattr(train_unclip_prior, "MEASURED", COUNT)
    return codecs


def prior_config(world, *changes):
    return parse_config(PRIOR, overrides=[f'data.cache="{world}"', *changes])


@pytest.mark.parametrize("form", ["diffusion", "autoregressive"])
def test_a_run_ships_a_prior_and_the_truth_about_it(models, world, tmp_path, form):
    train_unclip_prior.train(prior_config(world, f"model.form={form}"), tmp_path / "run")
    folder = models / "avatars" / "unclip-prior"
    card, prior = read_card(folder), load_prior(folder)
    assert (card["architecture"]["form"], prior.form, prior.settings.width) == (form, form, 12)
    assert card["data"] == {"cache": CachedWorld(world).fingerprint}
    assert set(card["figures"]) == {"r@1", "r@1.words", "cosine", "cosine.words", "spread", "seconds"}
    assert card["figures"]["r@1"]["n"] == COUNT
    again = evaluate_unclip.measure_prior(prior, evaluate_unclip.sitters(COUNT))
    assert again["cosine"].value == pytest.approx(card["figures"]["cosine"]["value"], abs=0.02)


def test_a_prior_goes_on_and_resumes(models, world, tmp_path, in_two_parts, monkeypatch):
    monkeypatch.setattr(train_unclip_prior, "measure_prior", lambda prior, people: {})
    folder = models / "avatars" / "unclip-prior"
    train_unclip_prior.train(prior_config(world), tmp_path / "whole")
    whole, sha256 = weights.read_tensors(folder / weights.WEIGHTS), read_card(folder)["sha256"]
    kept = f'data.kept="{tmp_path / "whole"}"'
    train_unclip_prior.train(prior_config(world, "model.go_on=true", "lr=1e-12", kept), tmp_path / "unmoved")
    unmoved = weights.read_tensors(folder / weights.WEIGHTS)
    assert all(torch.equal(unmoved[name], tensor) for name, tensor in whole.items())
    assert not list((tmp_path / "unmoved").glob("*.npy"))
    in_two_parts(train_unclip_prior, prior_config(world), tmp_path / "parts")
    assert read_card(folder)["sha256"] == sha256


def test_captions_and_places_are_those_of_the_pictures(models, world, tmp_path):
    cache = CachedWorld(world)
    places = train_unclip_prior.cached_places(cache, tmp_path)
    truth = cache.truth(slice(0, len(cache)))
    assert torch.allclose(places, coach.joint().image(truth.observation.image), atol=1e-5)
    captions = train_unclip_prior.caption_ids(cache, 2)
    assert captions.shape == (len(cache), 2, 64)
    batches = train_unclip_prior.CaptionBatches(cache, places, captions, prior_config(world))
    for step in (0, 2, 4):
        batch, (indices, epoch) = batches(step), batches.order(step)
        assert torch.equal(batch["captions"], captions[indices, epoch % 2].long())
        assert torch.equal(batch["places"], places[indices])
    assert not torch.equal(captions[:, 0], captions[:, 1])


@pytest.fixture
def shipped(models, config, world, tmp_path):
    """The folder of a model that was trained for a moment."""
    train_unclip_prior.train(prior_config(world), tmp_path / "prior")
    train_unclip_decoder.train(config(), tmp_path / "decoder")
    return models / "avatars" / "unclip"


def test_a_model_comes_of_it_that_follows_words_and_edits_pictures(shipped, tmp_path):
    model = load("avatars/unclip")
    generator = model.opened.generator
    assert isinstance(generator, UnclipGenerator)
    assert (list(generator.ports), read_card(shipped)["family"]) == (["text"], "diffusion")
    made = model.synthesize("an old woman", seed=7)
    assert torch.equal(made.images[0].tensor, model.synthesize("an old woman", seed=7).images[0].tensor)
    picture = made.images[0].tensor
    made.images[0].save(tmp_path / "b.png")
    variation = model.edit(picture, method="variation", seed=3)
    between = model.edit(picture, method=f"interpolate:other={tmp_path / 'b.png'}", seed=3)
    moved = model.edit(picture, "a young woman", method="text-difference:source=an old woman,noise=new", seed=3)
    assert all(torch.isfinite(edit.images[0].tensor).all() for edit in (variation, between, moved))
    assert torch.allclose(between.images[0].tensor, variation.images[0].tensor, atol=0.05)
    owners = {part: (shipped / part / "diffusion_pytorch_model.safetensors").resolve() for part in ("joint", "prior")}
    assert owners["joint"] == (shipped.parents[1] / "joint-a" / "model.safetensors").resolve()
    assert owners["prior"] == shipped.parent / "unclip-prior" / "model.safetensors"


def test_ports_alone_may_learn(models, config, world, tmp_path):
    train_unclip_prior.train(prior_config(world), tmp_path / "prior")
    train_unclip_decoder.train(config("model.frozen=true"), tmp_path / "decoder")
    part = "unet/diffusion_pytorch_model.safetensors"
    folders = [models / "avatars" / name for name in ("diffusion", "unclip")]
    start, own = (weights.read_tensors(folder / part) for folder in folders)
    assert all(torch.equal(own[name], tensor) for name, tensor in start.items())
    assert (folders[1] / part).is_symlink()
    ports = weights.read_tensors(folders[1] / "ports" / "diffusion_pytorch_model.safetensors")
    assert ports[f"entrances.{PLACE}.exit.weight"].abs().max() > 0


def test_a_decoder_resumes(models, config, world, tmp_path, in_two_parts):
    train_unclip_prior.train(prior_config(world), tmp_path / "prior")
    folder, part = models / "avatars" / "unclip", "unet/diffusion_pytorch_model.safetensors"
    train_unclip_decoder.train(config(), tmp_path / "whole")
    whole = (folder / part).read_bytes()
    in_two_parts(train_unclip_decoder, config(), tmp_path / "parts")
    assert (folder / part).read_bytes() == whole


def test_places_and_words_are_left_out_as_often_as_in_the_paper(models, world):
    cache, places = CachedWorld(world), torch.eye(8, 128)
    config = parse_config(DECODER, overrides=[f'data.cache="{world}"', "batch_size=8"])
    batches = train_unclip_decoder.PlacedBatches(cache, torch.zeros(8, 4, 16, 16), places, config)
    batches._words = lambda indices, epoch, spoken: SimpleNamespace(present=spoken, epoch=epoch * EPOCH)
    drawn = [batches(step)["conditions"] for step in range(300)]
    told = torch.cat([given[PLACE].present for given in drawn])
    spoken = torch.cat([given["text"].present if "text" in given else torch.zeros(8).bool() for given in drawn])
    assert told.float().mean().item() == pytest.approx(0.9, abs=0.03)
    assert spoken.float().mean().item() == pytest.approx(0.5, abs=0.04)
    assert all(torch.equal(given[PLACE].present, given[PLACES].present) for given in drawn)


@pytest.fixture
def reference(models, monkeypatch):
    """What pictures are compared with."""
    features = torch.randn(500, 256, generator=torch.Generator().manual_seed(0))
    (models / "reference").mkdir()
    (models / "reference" / "card.toml").touch()
    found = SimpleNamespace(moments=Moments.of(features))
    monkeypatch.setattr(evaluate_unclip.Reference, "load", lambda *given: found)


def test_everything_is_measured(shipped, reference, monkeypatch):
    monkeypatch.setattr(evaluate_unclip, "SHARES", (0.0, 1.0))
    people = evaluate_unclip.sitters(COUNT)
    measured = dict(evaluate_unclip.evaluate(people))
    titles = ["variation", "words as places", "pictures by avatars/unclip-prior"]
    assert list(measured) == ["avatars/unclip-prior", *titles, "interpolation"]
    for title in titles:
        assert list(measured[title]) == ["attributes", "kept", "r_precision", "fid_a", "lpips_a"]
    assert list(measured["interpolation"]) == ["arrived at 0", "arrived at 1"]


def test_renders_keep_all_of_their_attributes(reference):
    people = evaluate_unclip.sitters(COUNT)
    figures = evaluate_unclip.judge_pictures(people.images, people)
    assert (figures["kept"].value, figures["lpips_a"].value) == (1, 0)
    assert not people.false.diagonal().any()
