"""LoRAs and learned words: the same pictures as diffusers' own pipelines, and refusals of what fits no model."""

from __future__ import annotations

from functools import cache

import diffusers
import pytest
import torch
from safetensors.torch import load_file, save_file

import foreign
from misen.core.adapter import Adapter
from misen.core.errors import InputError, ModelFileError, NotFoundError
from misen.core.guidance import Guidance
from misen.core.seeding import derive
from misen.modalities.text.pseudo_word import save_word
from misen.modalities.text.signal import Text
from misen.pretrained.stable_diffusion import adapters
from misen.pretrained.stable_diffusion import folder as files
from misen.synthesis import plan, synthesize

PROMPT, WORD, STEPS, SCALE, SEED, CLOSE = "a red circle on grass", "<subject>", 4, 7.5, 3, 1e-4
TARGETS = {
    "unet": ["to_q", "to_k", "to_v", "to_out.0", "conv1", "proj_in", "time_emb_proj"],
    "text_encoder": ["q_proj", "v_proj", "fc1"],
    "text_encoder_2": ["q_proj", "v_proj", "fc1"],
}
READERS = {"noise": ("text_encoder",), "paired": ("text_encoder", "text_encoder_2")}
pytestmark = [
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]


def opened_there(folder):
    """diffusers' pipeline of a folder."""
    pipe = diffusers.DiffusionPipeline.from_pretrained(folder, local_files_only=True)
    pipe.set_progress_bar_config(disable=True)
    return pipe


@pytest.fixture(scope="module")
def tuned(folder_of, tmp_path_factory):
    """A file of factors for a folder, as diffusers writes it: of twice the weight that their rank stands for."""
    from peft import LoraConfig
    from peft.utils import get_peft_model_state_dict

    @cache
    def written(name):
        pipe, layers, settings = opened_there(folder_of(name)), {}, {}
        rng, folder = torch.Generator().manual_seed(5), tmp_path_factory.mktemp("lora")
        for part in ("unet", *READERS[name]):
            network, config = getattr(pipe, part), LoraConfig(r=2, lora_alpha=4, target_modules=TARGETS[part])
            network.add_adapter(config)
            learned = get_peft_model_state_dict(network)
            layers[f"{part}_lora_layers"] = {
                key: 0.2 * torch.randn(tensor.shape, generator=rng) for key, tensor in learned.items()
            }
            settings[f"{part}_lora_adapter_metadata"] = config.to_dict()
        pipe.save_lora_weights(folder, **layers, **settings)
        return folder / "pytorch_lora_weights.safetensors"

    return written


def ours(checkpoint, prompt=PROMPT):
    sampler = checkpoint.samplers["euler"](STEPS)
    wishes = [Guidance(signal=Text(prompt))]
    decided = plan(
        checkpoint.generator, wishes, sampler=sampler, encoders=checkpoint.encoders, energies={}, scale=SCALE
    )
    return synthesize(checkpoint.generator, sampler, decided, seeds=[SEED]).state.value


def theirs(pipe, prompt=PROMPT):
    noise = torch.Generator().manual_seed(derive(SEED, "noise"))
    pipe.scheduler = diffusers.EulerDiscreteScheduler.from_config(pipe.scheduler.config)
    common = {"guidance_scale": SCALE, "num_inference_steps": STEPS, "generator": noise, "output_type": "latent"}
    return pipe(prompt, height=32, width=32, **common).images


def gap(found, expected):
    """The largest difference, relative where the network's random weights led far out."""
    return ((found - expected).abs().max() / expected.abs().max().clamp(min=1)).item()


def adapted(folder, path, **options):
    return adapters.add(files.load(folder), Adapter(str(path), **options))


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("strength", [1.0, 0.6])
def test_a_lora_as_diffusers_writes_it(folder_of, opened, tuned, name, strength):
    pipe = opened_there(folder_of(name))
    pipe.load_lora_weights(tuned(name), adapter_name="tuned")
    pipe.set_adapters("tuned", strength)
    made = ours(adapted(folder_of(name), tuned(name).parent, strength=strength))
    assert gap(made, theirs(pipe)) <= CLOSE
    assert gap(made, ours(opened(name))) > 100 * CLOSE


@pytest.fixture
def flat(tuned, tmp_path):
    """The factors of the plain kind as other trainers write them: without dots, and with alpha beside them."""
    tensors = {}
    for name, tensor in load_file(tuned("noise")).items():
        part, _, rest = name.partition(".")
        stem, _, end = rest.removeprefix("text_model.").partition(".lora_")
        stem = stem.removesuffix(".lora")
        start = {"unet": "lora_unet_", "text_encoder": "lora_te_text_model_"}[part]
        bare = start + stem.replace(".", "_")
        tensors[f"{bare}.lora_{'down' if end.startswith('A') else 'up'}.weight"] = tensor
        tensors[f"{bare}.alpha"] = torch.tensor(4.0)
    save_file(tensors, tmp_path / "flat.safetensors")
    return tmp_path / "flat.safetensors"


def test_a_lora_as_others_write_it(folder_of, tuned, flat):
    assert gap(ours(adapted(folder_of("noise"), flat)), ours(adapted(folder_of("noise"), tuned("noise")))) <= CLOSE


def test_strength_zero_changes_nothing(folder_of, opened, tuned):
    assert torch.equal(ours(adapted(folder_of("noise"), tuned("noise"), strength=0.0)), ours(opened("noise")))


def test_what_is_saved_holds_the_lora(folder_of, tuned, tmp_path):
    checkpoint = adapted(folder_of("noise"), tuned("noise"))
    checkpoint.save(tmp_path / "saved")
    assert torch.equal(ours(files.load(tmp_path / "saved")), ours(checkpoint))


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """A file with a word."""
    folder = tmp_path_factory.mktemp("word")
    save_word(folder, WORD, torch.randn(foreign.WIDTH, generator=torch.Generator().manual_seed(7)))
    return folder / "learned_embeds.safetensors"


def test_a_learned_word(folder_of, opened, learned):
    prompt = f"a {WORD} on grass"
    pipe = opened_there(folder_of("noise"))
    pipe.load_textual_inversion(learned)
    checkpoint = adapted(folder_of("noise"), learned.parent)
    made = ours(checkpoint, prompt)
    assert gap(made, theirs(pipe, prompt)) <= CLOSE
    assert gap(made, ours(opened("noise"), prompt)) > 100 * CLOSE
    assert torch.equal(ours(checkpoint), ours(opened("noise")))


def refused(error, checkpoint, path, **options):
    with pytest.raises(error) as caught:
        adapters.add(checkpoint, Adapter(str(path), **options))
    return str(caught.value)


@pytest.mark.parametrize(
    ("option", "value"), [("window", (0.0, 0.5)), ("modality", "sketch"), ("raw", True), ("strength", 0.5)]
)
def test_options_that_make_no_sense_are_refused(opened, tuned, learned, option, value):
    message = refused(InputError, opened("noise"), learned, **{option: value})
    assert f"a learned word takes no {option}, got {value!r}" in message
    if option != "strength":
        assert f"a LoRA takes no {option}" in refused(InputError, opened("noise"), tuned("noise"), **{option: value})


def test_factors_and_words_of_other_models_are_refused(opened, tuned, learned, tmp_path):
    before = {name: tensor.clone() for name, tensor in opened("noise").parts["unet"].state_dict().items()}
    message = refused(ModelFileError, opened("noise"), tuned("paired"))
    assert "the LoRA belongs to another network" in message
    assert "tuned on this version" in message
    assert all(torch.equal(t, before[name]) for name, t in opened("noise").parts["unet"].state_dict().items())
    save_word(tmp_path, WORD, torch.zeros(16))
    assert "it has 16 features, not 32" in refused(ModelFileError, opened("noise"), tmp_path)
    assert "the model reads with two" in refused(InputError, opened("paired"), learned)


def test_a_rank_that_differs_between_factors_is_refused(opened, tuned, tmp_path):
    tensors = load_file(tuned("noise"))
    name = next(name for name in tensors if "lora" in name and tensors[name].shape[0] == 2)
    save_file({**tensors, name: tensors[name][:1].contiguous()}, tmp_path / "odd.safetensors")
    assert "fits none of its layers" in refused(ModelFileError, opened("noise"), tmp_path / "odd.safetensors")


def test_what_is_no_adapter_is_refused(opened, folder_of, tmp_path):
    (tmp_path / "lora.safetensors").write_bytes(b"\x80\x02 pickled")
    message = refused(ModelFileError, opened("noise"), tmp_path / "lora.safetensors")
    assert "pickle refused" in message
    assert "find its safetensors" in message
    weights = folder_of("noise") / "unet" / "diffusion_pytorch_model.safetensors"
    assert "is no adapter: it holds" in refused(ModelFileError, opened("noise"), weights)
    assert "holds no adapter, but lora.safetensors" in refused(NotFoundError, opened("noise"), tmp_path)
    assert "there is no adapter" in refused(NotFoundError, opened("noise"), tmp_path / "nothing")
    assert "hf download some/lora" in refused(NotFoundError, opened("noise"), "some/lora")
