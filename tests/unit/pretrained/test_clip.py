from __future__ import annotations

import json
import shutil
from functools import partial
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional
from transformers import CLIPImageProcessorPil, CLIPModel, CLIPProcessor, CLIPTokenizer

import foreign
from elsewhere import FAR, back, elsewhere
from misen.core.errors import ModelFileError, NotFoundError, Unreachable
from misen.core.guidance import Consistency, Guidance
from misen.core.view import View
from misen.modalities.text.energy import JointEnergy, TextEnergy
from misen.modalities.text.signal import Text
from misen.pretrained.clip import Measures, load
from misen.synthesis import plan, synthesize

SENTENCES = ["a red circle", "a blue square on grass", "a " * 100]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return foreign.clip(tmp_path_factory.mktemp("clip") / "model")


@pytest.fixture
def copied(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "model")


def words_in(joint):
    """By a joint embedding alone, since nobody looks."""
    look = lambda images: SimpleNamespace(log_probability=lambda column: images.new_zeros(len(images), 1))  # noqa: E731
    return TextEnergy(look, joint, partial(Measures, JointEnergy))


def describe(path, **changes):
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@torch.no_grad()
def test_both_towers_answer_as_transformers_own(folder):
    model, embedding = CLIPModel.from_pretrained(folder).eval(), load(folder)
    processor = CLIPProcessor(CLIPImageProcessorPil.from_pretrained(folder), CLIPTokenizer.from_pretrained(folder))
    pixels = torch.randint(0, 256, (2, 3, 30, 30), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    given = processor(
        text=SENTENCES, images=list(pixels), return_tensors="pt", padding=True, truncation=True, max_length=77
    )
    theirs = model(**given)
    assert (embedding.image(pixels / 127.5 - 1) - theirs.image_embeds).abs().max() <= 1e-4
    assert (embedding.text(SENTENCES) - theirs.text_embeds).abs().max() <= 1e-4


def test_pictures_of_all_sizes_are_seen_and_gradients_reach_them(folder):
    embedding = load(folder)
    for height, width in ((64, 64), (20, 50), (33, 30)):
        picture = torch.rand(1, 3, height, width, requires_grad=True)
        place = embedding.image(picture)
        assert torch.allclose(place.norm(dim=1), torch.ones(1))
        place[:, 0].sum().backward()
        assert picture.grad.abs().sum() > 0


def test_words_can_be_measured_in_it(folder):
    measures = words_in(load(folder)).measures
    energy = measures.opened(str(folder))
    assert measures.opened(str(folder)) is energy
    assert not any(measures.opened(name) for name in ("nothing", str(folder.parent), str(folder / "config.json")))
    picture = torch.rand(1, 3, 40, 40) * 2 - 1
    disagreement = energy.begin(Text("a red circle"), View(picture))
    expected = 1 - functional.cosine_similarity(energy.joint.image(picture), energy.joint.text(["a red circle"]))
    assert torch.allclose(disagreement(View(picture)), expected)


def test_what_can_be_listed_is_what_can_be_looked_up(folder):
    measures = words_in(load(folder)).measures
    assert len(measures) == len(list(measures)) == 2
    assert all(name in measures and measures[name] for name in measures)
    measures.opened(str(folder))
    for unlisted in (str(folder), "nothing", 7):
        assert unlisted not in measures
        with pytest.raises(KeyError):
            measures[unlisted]


def test_pictures_are_seen_where_they_are(folder):
    energy, picture = JointEnergy(load(folder)), torch.rand(1, 3, 40, 40) * 2 - 1
    here = energy.begin(Text("a red circle"), View(picture))(View(picture))
    with elsewhere():
        distant = View(picture.to(FAR))
        there = energy.begin(Text("a red circle"), distant)(distant)
    assert torch.allclose(back(there), here, atol=1e-5)


def test_it_steers_a_generator_that_never_saw_it(folder, opened):
    checkpoint, energies = opened("noise"), {"text": words_in(load(folder))}
    sampler = checkpoint.samplers["ddim"](6)

    def made(strength: float) -> torch.Tensor:
        how = Consistency(measure=str(folder))
        wish = Guidance(signal=Text("a red circle"), strength=strength, route="consistency", consistency=how)
        decided = plan(checkpoint.generator, [wish], sampler=sampler, encoders=checkpoint.encoders, energies=energies)
        assert decided.decisions[0].energy is energies["text"].measures.opened(str(folder))
        return synthesize(checkpoint.generator, sampler, decided, seeds=[1, 2]).images

    free, steered = made(0.0), made(2.0)
    disagreement = energies["text"].joint.begin(Text(["a red circle"] * 2), View(free))
    assert (disagreement(View(steered)) < disagreement(View(free))).all()


def test_a_folder_that_holds_none_is_no_measure(folder, opened):
    checkpoint, energies = opened("noise"), {"text": words_in(load(folder))}
    wish = Guidance(signal=Text("a"), route="consistency", consistency=Consistency(measure=str(folder.parent)))
    sampler = checkpoint.samplers["ddim"](6)
    with pytest.raises(Unreachable, match=r"there is no measure '.*'; .*, and no such folder holds one"):
        plan(checkpoint.generator, [wish], sampler=sampler, encoders=checkpoint.encoders, energies=energies)


def test_folders_of_other_models_are_refused(copied):
    describe(copied / "config.json", model_type="siglip")
    with pytest.raises(ModelFileError, match="holds a siglip model"):
        load(copied)


def test_damage_is_refused(copied):
    path = copied / "model.safetensors"
    tensors = load_file(path)
    save_file({**tensors, "logit_scale": torch.tensor(torch.nan)}, path, {"format": "pt"})
    with pytest.raises(ModelFileError, match="'logit_scale' holds a NaN"):
        load(copied)
    save_file({name: tensor for name, tensor in tensors.items() if name != "logit_scale"}, path, {"format": "pt"})
    with pytest.raises(ModelFileError, match=r"1 missing: logit_scale \(\)"):
        load(copied)
    torch.save({"a": torch.zeros(2)}, path)
    with pytest.raises(ModelFileError, match="pickle refused"):
        load(copied)
    path.unlink()
    with pytest.raises(NotFoundError, match="no weights"):
        load(copied)
