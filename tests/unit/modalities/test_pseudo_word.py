"""Words learned from pictures, on a text model with random weights."""

from __future__ import annotations

import pytest
import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from safetensors.torch import save_file

from misen.core.errors import InputError, ModelFileError
from misen.modalities.text.encoder import TextEncoder
from misen.modalities.text.pseudo_word import FILE, PseudoWord, read_word, save_word, taught
from misen.perception.text import TextTower

WORD, LIKE = "<subject>", "person"


@pytest.fixture(scope="module")
def encoder() -> TextEncoder:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        tower = TextTower(width=16, layers=1, heads=2).requires_grad_(False).eval()
    return TextEncoder(tower.tokenizer, tower.model)


def rows(encoder: TextEncoder) -> torch.Tensor:
    return encoder.model.get_input_embeddings().weight.detach()


def test_a_new_word_begins_as_the_word_it_is_like(encoder):
    word = PseudoWord(encoder, WORD, LIKE)
    expected = encoder.read([f"a {LIKE} with a hat"]).value
    torch.testing.assert_close(word([f"a {WORD} with a hat"]).value, expected)


def test_only_the_row_of_the_word_learns(encoder):
    word = PseudoWord(encoder, WORD, LIKE)
    before = {name: tensor.clone() for name, tensor in word.encoder.model.state_dict().items()}
    word([f"a photo of {WORD}"]).value.square().sum().backward()
    assert word.vector.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in word.encoder.model.parameters())
    assert all(torch.equal(tensor, before[name]) for name, tensor in word.encoder.model.state_dict().items())


def test_prompts_without_the_word_do_not_depend_on_it(encoder):
    word = PseudoWord(encoder, WORD, LIKE)
    with torch.no_grad():
        word.vector.fill_(9.0)
    assert torch.equal(word(["an old man"]).value, encoder.read(["an old man"]).value)


def test_a_taught_encoder_has_one_row_more_and_is_otherwise_the_same(encoder):
    vector, vocabulary = torch.linspace(-1, 1, 16), len(encoder.tokenizer)
    other = taught(encoder, WORD, vector)
    assert torch.equal(rows(other)[:-1], rows(encoder))
    assert torch.equal(rows(other)[-1], vector)
    rest, old = other.model.state_dict(), encoder.model.state_dict()
    assert all(torch.equal(rest[name], tensor) for name, tensor in old.items() if "token_embedding" not in name)
    assert len(encoder.tokenizer) == vocabulary


@pytest.mark.parametrize("word", [LIKE, "two words", ""])
def test_what_is_no_new_word_is_refused(encoder, word):
    with pytest.raises(InputError, match="cannot be a new word"):
        taught(encoder, word, torch.zeros(16))


def test_a_word_of_several_tokens_is_nothing_to_begin_from(encoder):
    with pytest.raises(InputError, match=r"is \d+ tokens"):
        PseudoWord(encoder, WORD, "zqxjkvw")


def test_a_word_of_another_model_is_refused(encoder):
    with pytest.raises(ModelFileError, match="of another model: it has 8 features, not 16"):
        taught(encoder, WORD, torch.zeros(8))


@pytest.mark.parametrize("shape", [(16,), (1, 16)])
def test_a_word_is_read_as_it_was_written(tmp_path, shape):
    vector = torch.linspace(-1, 1, 16)
    save_file({WORD: vector.reshape(shape)}, tmp_path / FILE)
    word, read = read_word(tmp_path / FILE)
    assert word == WORD
    assert torch.equal(read, vector)


@pytest.mark.parametrize("tensors", [{"a": torch.zeros(2, 16)}, {"a": torch.zeros(4), "b": torch.zeros(4)}], ids=len)
def test_other_files_hold_no_word(tmp_path, tensors):
    save_file(tensors, tmp_path / FILE)
    with pytest.raises(ModelFileError, match="holds no learned word"):
        read_word(tmp_path)


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")
def test_diffusers_reads_the_word(encoder, tmp_path):
    vector = torch.linspace(-1, 1, 16)
    save_word(tmp_path, WORD, vector)
    ours = taught(encoder, WORD, vector)
    copied = taught(encoder, "<other>", vector)  # the pipeline changes what it is given
    unet = UNet2DConditionModel(
        block_out_channels=(4,), down_block_types=("DownBlock2D",), up_block_types=("UpBlock2D",),
        norm_num_groups=1, cross_attention_dim=16, layers_per_block=1, attention_head_dim=2,
    )  # fmt: skip
    codec = AutoencoderKL(block_out_channels=(4,), norm_num_groups=1, layers_per_block=1)
    pipe = StableDiffusionPipeline(
        codec, copied.model, copied.tokenizer, unet, DDIMScheduler(), None, None, None, False
    )
    pipe.load_textual_inversion(tmp_path / FILE)
    ids = pipe.tokenizer([f"a {WORD} smiling"], padding="max_length", return_tensors="pt").input_ids
    theirs = pipe.text_encoder(ids).last_hidden_state
    torch.testing.assert_close(theirs, ours.read([f"a {WORD} smiling"]).value)
