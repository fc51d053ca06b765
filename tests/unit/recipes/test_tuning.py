"""Textual inversion and DreamBooth in miniature: what is learned, what is not, and what is left in the folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from diffusers import StableDiffusionPipeline
from PIL import Image
from safetensors.torch import load_file
from torch.nn import functional

import foreign
from misen import assembly
from misen.codecs.autoencoder import KLAutoencoder
from misen.core.errors import InputError, ModelFileError
from misen.core.image import from_bytes
from misen.core.seeding import derive
from misen.editing.memory import Memory
from misen.generators.diffusion import folder as files
from misen.generators.diffusion import lora
from misen.generators.diffusion.denoiser import Denoiser, DenoiserSettings
from misen.generators.diffusion.generator import DiffusionGenerator
from misen.generators.diffusion.ports import PortSettings
from misen.generators.diffusion.samplers import SAMPLERS
from misen.generators.diffusion.state import Latents
from misen.modalities.text.encoder import TextEncoder
from misen.modalities.text.pseudo_word import FILE, read_word
from misen.nn.description import read_card
from misen.perception.text import TextTower
from misen.recipes import subjects, tune_diffusionclip, tune_dreambooth, tune_textual_inversion
from misen.recipes.subjects import Base, open_base, open_tuned
from misen.recipes.tune_diffusionclip import Goal, Trip
from misen.recipes.tune_dreambooth import Settings, lessons_of
from misen.training.config import parse_config

PICTURES, SIZE = 3, 16
CARD = {"name": "tiny", "family": "diffusion", "sampler": "ddim", "steps": 2, "guidance_scale": 2.0}
RUN = """
name = "subject"
batch_size = 2
steps = 2
lr = 0.01
warmup = 0
schedule = "constant"
weight_decay = 0.0
ema = 0.0
precision = "fp32"
"""


def tiny() -> Base:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        tower = TextTower(width=16, layers=1, heads=2)
        unet = DenoiserSettings(channels=(16, 16), heads=2, groups=2, tokens=16, latent_size=SIZE // 4).unet()
        denoiser = Denoiser(unet, [PortSettings("text", "tokens", 16, length=64)], stride=4)
        codec = KLAutoencoder(4, (3, 8, 8), (1, 1), (1, 1))
        for part in (tower, denoiser, codec):
            part.requires_grad_(False).eval()
    generator = DiffusionGenerator(denoiser, codec, card=CARD)
    opened = assembly.Opened(
        "tiny", generator, SAMPLERS, assembly.Defaults("ddim", 2, 2.0), "ab" * 32, lambda f: files.save(generator, f)
    )
    return Base(opened, generator, "text", TextEncoder(tower.tokenizer, tower.model))


@pytest.fixture
def base(monkeypatch: pytest.MonkeyPatch) -> Base:
    """What every recipe opens."""
    base = tiny()
    for module in (subjects, tune_textual_inversion, tune_dreambooth, tune_diffusionclip):
        monkeypatch.setattr(module, "open_base", lambda name: base)
    monkeypatch.setattr(tune_dreambooth, "IMAGINED", Memory())
    return base


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of pictures."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for index in range(PICTURES):
        Image.new("RGB", (SIZE, SIZE), (80 * index, 40, 90)).save(folder / f"{index}.png")
    return folder


def configuration(pictures: Path, *changes: str):
    return parse_config(RUN, overrides=[f'data.folder="{pictures}"', *changes])


def weights(base: Base) -> dict[str, torch.Tensor]:
    """Every weight there is."""
    generator = base.opened.generator
    parts = {"denoiser": generator.denoiser, "codec": generator.autoencoder, "text": base.encoder.model}
    return {f"{part}.{name}": t.clone() for part, module in parts.items() for name, t in module.state_dict().items()}


def changed(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor]) -> set[str]:
    assert before.keys() == after.keys()
    return {name for name, tensor in after.items() if not torch.equal(tensor, before[name])}


def test_a_word_is_learned_and_nothing_else(base, pictures, tmp_path):
    before, run = weights(base), tmp_path / "run"
    tune_textual_inversion.train(configuration(pictures), run)
    assert changed(before, weights(base)) == set()
    word, vector = read_word(run / "adapter")
    card, taught = read_card(run / "adapter"), open_tuned(run / "adapter")
    assert (word, card["word"], card["kind"]) == ("<subject>", "<subject>", "textual inversion")
    assert card["base"] == {"name": "tiny", "sha256": "ab" * 32}
    rows = taught.encoder.model.get_input_embeddings().weight
    assert torch.equal(rows[:-1], before["text.embeddings.token_embedding.weight"])
    assert torch.equal(rows[-1], vector)
    assert not (rows[:-1] == vector).all(dim=1).any()
    rest = taught.encoder.model.state_dict()
    old = {name.removeprefix("text."): tensor for name, tensor in before.items() if name.startswith("text.")}
    assert {name for name in old if rest[name].shape != old[name].shape} == {"embeddings.token_embedding.weight"}
    assert all(torch.equal(rest[name], old[name]) for name in old if "token_embedding" not in name)


def test_low_rank_changes_leave_the_base_as_it_was(base, pictures, tmp_path):
    before, run = weights(base), tmp_path / "run"
    tune_dreambooth.train(configuration(pictures, "model.prior=2", "model.rank=2"), run)
    assert changed(before, weights(base)) == set()
    factors = load_file(run / "adapter" / lora.FILE)
    assert all(tensor.abs().sum() > 0 for tensor in factors.values())
    assert read_card(run / "adapter")["base"]["name"] == "tiny"
    open_tuned(run / "adapter")
    learned = changed(before, weights(base))
    assert learned == {
        f"denoiser.{name.removesuffix('.lora.down.weight')}.weight" for name in factors if name.endswith("down.weight")
    }


def test_full_tuning_changes_the_network_and_saves_a_model_of_its_own(base, pictures, tmp_path):
    before, run = weights(base), tmp_path / "run"
    tune_dreambooth.train(configuration(pictures, "model.prior=0", "model.rank=0"), run)
    learned = changed(before, weights(base))
    assert learned
    assert all(name.startswith("denoiser.unet.") for name in learned)
    card, opened = read_card(run / "model"), assembly.open_model(str(run / "model"))
    assert (card["family"], card["kind"], card["base"]["name"]) == ("diffusion", "dreambooth", "tiny")
    saved = opened.generator.denoiser.state_dict()
    kept = base.opened.generator.denoiser.state_dict()
    assert all(torch.equal(tensor, kept[name].half().float()) for name, tensor in saved.items())


def test_the_prior_is_what_the_base_makes_of_the_class(base):
    subject = torch.zeros(PICTURES, 3, SIZE, SIZE)
    config = parse_config(RUN, overrides=["seed=7", 'data.folder="none"'])
    first, second = lessons_of(base, Settings(prior=2, prior_weight=0.5), subject, config)
    own = base.make(["a portrait of a person"] * 2, [derive(7, "prior/0"), derive(7, "prior/1")])
    torch.testing.assert_close(second.points, base.points(own))
    assert not torch.allclose(second.points[0], second.points[1])
    assert (first.weight, second.weight) == (1.0, 0.5)
    told = [lesson.conditions["text"].value[0] for lesson in (first, second)]
    torch.testing.assert_close(told[0], base.read(Settings().prompt).value[0])
    torch.testing.assert_close(told[1], base.read(Settings().class_prompt).value[0])


def test_without_a_prior_there_is_one_lesson(base):
    assert len(list(lessons_of(base, Settings(prior=0), torch.zeros(1, 3, SIZE, SIZE), parse_config(RUN)))) == 1


def test_the_next_subject_is_learned_beside_the_same_pictures_of_the_class(base, monkeypatch):
    config, subject, made = parse_config(RUN), torch.zeros(1, 3, SIZE, SIZE), []
    monkeypatch.setattr(tune_dreambooth, "_imagined", lambda *_: made.append(1) or torch.zeros(2, 3, SIZE, SIZE))
    for class_prompt in ("a person", "a person", "a man"):
        lessons = list(lessons_of(base, Settings(prior=2, class_prompt=class_prompt), subject, config))
        assert [len(lesson.points) for lesson in lessons] == [1, 2]
    assert len(made) == 2


def test_pictures_are_made_in_the_precision_of_the_configuration(base):
    half = base.running(parse_config(RUN, overrides=['precision="bf16"']))
    assert base.running(parse_config(RUN)) is base
    assert half.generator.dtype == torch.bfloat16
    assert half.make(["a hat"], [1]).dtype == torch.float32


def test_a_picture_depends_on_its_own_seed_and_prompt_alone(base):
    two = base.make(["a hat", "a beard"], [1, 2])
    torch.testing.assert_close(two[1:], base.make(["a beard"], [2]), atol=1e-4, rtol=1e-4)
    assert two.shape == (2, 3, SIZE, SIZE)


def test_points_are_those_of_the_pictures(base):
    images = from_bytes(torch.full((20, SIZE, SIZE, 3), 100, dtype=torch.uint8))
    torch.testing.assert_close(base.points(images)[19:], base.generator.encode(images[:1]), atol=1e-5, rtol=1e-5)


def test_what_was_tuned_on_other_weights_is_refused(base, pictures, tmp_path, monkeypatch):
    tune_textual_inversion.train(configuration(pictures), tmp_path / "run")
    other = replace(base, opened=replace(base.opened, sha256="cd" * 32))
    monkeypatch.setattr(subjects, "open_base", lambda name: other)
    with pytest.raises(ModelFileError, match="tuned on other weights of tiny"):
        open_tuned(tmp_path / "run" / "adapter")


@pytest.mark.parametrize(
    ("generator", "complaint"), [(object(), "cannot be tuned"), (None, "does not follow words")], ids=["fixed", "deaf"]
)
def test_what_cannot_be_tuned_is_refused(monkeypatch, generator, complaint):
    opened = tiny().opened
    opened.generator.ports = {}
    opened = replace(opened, generator=generator or opened.generator)
    monkeypatch.setattr(subjects, "open_model", lambda name: opened)
    with pytest.raises(InputError, match=complaint):
        open_base("tiny")


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")
def test_other_peoples_models_are_tuned_too_and_diffusers_reads_what_was_learned(pictures, tmp_path):
    folder = foreign.plain(tmp_path / "model")
    mine = f'model.base="{folder}"'
    tune_textual_inversion.train(configuration(pictures, mine, 'model.like="circle"'), tmp_path / "word")
    tune_dreambooth.train(configuration(pictures, mine, "model.prior=1", "model.rank=2"), tmp_path / "lora")
    pipe = StableDiffusionPipeline.from_pretrained(folder)
    pipe.load_textual_inversion(tmp_path / "word" / "adapter" / FILE)
    pipe.load_lora_weights(tmp_path / "lora" / "adapter")
    word, vector = read_word(tmp_path / "word" / "adapter")
    number = pipe.tokenizer.convert_tokens_to_ids(word)
    assert torch.equal(pipe.text_encoder.get_input_embeddings().weight[number], vector)
    assert pipe.get_list_adapters()["unet"]
    assert open_tuned(tmp_path / "lora" / "adapter").opened.name == str(folder)


# --- DiffusionCLIP ---------------------------------------------------------------------------------------------------

SHORT = tune_diffusionclip.Settings(back=4, forth=4, strength=0.5, identity=0.5, keep=0.25)


class Colors:
    """Pictures lie where their mean color is, and sentences at colors of their own."""

    def image(self, images):
        return functional.normalize(functional.pad(images.mean((2, 3)), (0, 125)), dim=1)

    def text(self, sentences):
        return torch.eye(128)[: len(sentences)]


def look(images):
    """Whoever has the same red is the same person."""
    red = images[:, :1].mean((2, 3))
    return SimpleNamespace(identity=functional.normalize(torch.cat([red, torch.ones_like(red)], dim=1), dim=1))


def plain(*color: float) -> torch.Tensor:
    return torch.tensor(color)[None, :, None, None].expand(1, 3, SIZE, SIZE).clone()


def test_a_trip_leads_back_to_the_picture(base):
    trip, image = Trip.of(base, SHORT), plain(0.3, -0.2, 0.1)
    state = trip.away(image)
    expected = base.generator.finish(Latents(base.generator.encode(image)))
    assert (trip.home(state) - expected).abs().max() < 0.05
    assert not torch.allclose(state.value, base.generator.encode(image), atol=0.1)


def test_a_goal_is_reached_by_moving_as_the_sentences_do():
    goal = Goal.of(Colors(), look, SHORT)
    given = plain(1.0, 0.0, 0.0)
    there, figures = goal(plain(0.9, 0.9, 0.0), given)
    stayed, unmoved = goal(given, given)
    assert figures["direction"] < 0.15
    assert (unmoved["change"], unmoved["identity"]) == pytest.approx((0.0, 0.0), abs=1e-6)
    expected = figures["direction"] + 0.5 * figures["identity"] + 0.25 * figures["change"]
    assert there.item() == pytest.approx(expected, rel=1e-5)
    assert there < stayed


def test_a_change_is_learned_through_the_walk_and_the_base_stays(base, pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(tune_diffusionclip.coach, "joint", Colors)
    monkeypatch.setattr(tune_diffusionclip.coach, "observer", lambda: look)
    before, run = weights(base), tmp_path / "run"
    options = ("model.back=2", "model.forth=2", "model.rank=2", "recipe=diffusionclip")
    outcome = tune_diffusionclip.train(configuration(pictures, *options), run)
    assert changed(before, weights(base)) == set()
    learned = load_file(run / "adapter" / lora.FILE)
    among_themselves = [tensor for name, tensor in learned.items() if "attn1" in name]  # the null sequence here is zero
    assert all(tensor.abs().sum() > 0 for tensor in among_themselves)
    assert read_card(run / "adapter")["target"] == "an old person"
    assert outcome.step == 2
    tuned = base.generator.retuned(run / "adapter", 1.0)
    still = base.generator.network.state_dict()
    assert any(not torch.equal(tensor, still[name]) for name, tensor in tuned.network.state_dict().items())
    assert changed(before, weights(base)) == set()
