"""Folders of Stable Diffusion, its forerunners and its kin: what is in them, and the generator it makes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.autoencoders.vq_model import VQModel
from diffusers.models.unets.unet_2d import UNet2DModel
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.pipelines.latent_diffusion.pipeline_latent_diffusion import LDMBertModel
from torch._subclasses.fake_tensor import FakeTensorMode
from transformers import BertTokenizer, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from misen.core.errors import ModelFileError, NotFoundError
from misen.core.generator import Sampler
from misen.generators.diffusion.generator import stride_of
from misen.generators.diffusion.samplers import samplers
from misen.modalities.text.encoder import TextEncoder
from misen.modalities.text.signal import Text
from misen.nn import room
from misen.nn.description import read_json
from misen.nn.room import Burden
from misen.pretrained import INDEX
from misen.pretrained.parts import fitting, open_part, outline_part, weigh_part
from misen.pretrained.stable_diffusion.denoiser import TEXT, SizedDenoiser, StockDenoiser, WordlessDenoiser
from misen.pretrained.stable_diffusion.generator import Repainter, StableDiffusion
from misen.pretrained.stable_diffusion.scheduler import sampler_of, schedule_of
from misen.pretrained.stable_diffusion.text import PairedTextEncoder

SCHEDULER = "scheduler_config.json"
DIFFUSED, READING = "diffusion_pytorch_model", "model"
"""How the names of weights begin, of networks of diffusers and of transformers."""
PARTS: Mapping[str, tuple[Any, str]] = {
    "unet": (UNet2DConditionModel, DIFFUSED),
    "vae": (AutoencoderKL, DIFFUSED),
    "text_encoder": (CLIPTextModel, READING),
    "text_encoder_2": (CLIPTextModelWithProjection, READING),
    "vqvae": (VQModel, DIFFUSED),
    "bert": (LDMBertModel, READING),
}
"""Class of each network, and how the names of its weights begin."""
OTHERS: Mapping[str, Any] = {"vae": VQModel, "vqvae": AutoencoderKL, "bert": CLIPTextModel}
"""Another class that a folder may name instead."""
VOCABULARIES = (("tokenizer.json",), ("vocab.json", "merges.txt"), ("vocab.txt",))
"""Files of a tokenizer, either of which will do."""
BLANK = "force_zeros_for_empty_prompt"
"""The setting that lets zeros stand for no prompt."""
STEPS = 30
"""Length of a usual walk."""


@dataclass(frozen=True)
class Kind:
    """Models with the same parts.

    Attributes:
        pipeline: diffusers' class that makes pictures with them.
        readers: the text encoders among them; none of models that are told nothing.
        scale: usual guidance scale.
        besides: what the class wants to be given that makes no difference to pictures.
        overruled: settings of the scheduler that the class takes so whatever a file says.
        autoencoder: the folder of the autoencoder.
        unet: class of the network that predicts.
    """

    pipeline: str
    readers: tuple[str, ...]
    scale: float
    besides: Mapping[str, Any]
    autoencoder: str = "vae"
    overruled: Mapping[str, Any] = field(default_factory=dict)
    unet: Any = UNet2DConditionModel


PLAIN = Kind(
    pipeline="StableDiffusionPipeline",
    readers=("text_encoder",),
    scale=7.5,
    besides={"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False},
    overruled={"steps_offset": 1, "clip_sample": False},
)
PAIRED = Kind(
    pipeline="StableDiffusionXLPipeline",
    readers=("text_encoder", "text_encoder_2"),
    scale=5.0,
    besides={"add_watermarker": False},
)
EARLY = Kind(pipeline="LDMTextToImagePipeline", readers=("bert",), scale=5.0, besides={}, autoencoder="vqvae")
"""Latent diffusion before Stable Diffusion."""
WORDLESS = Kind(pipeline="LDMPipeline", readers=(), scale=1.0, besides={}, autoencoder="vqvae", unet=UNet2DModel)
"""Latent diffusion that is told nothing."""
KINDS: Mapping[str, Kind] = {
    kind.pipeline.replace("Pipeline", f"{use}Pipeline"): kind
    for kind in (PLAIN, PAIRED)
    for use in ("", "Img2Img", "Inpaint")
} | {kind.pipeline: kind for kind in (EARLY, WORDLESS)}
"""By the class that a folder names: what it is used for makes no difference to its parts."""


@dataclass(frozen=True)
class Checkpoint:
    """What a folder holds.

    Attributes:
        kind: of the model.
        generator: ready to predict.
        encoders: by modality; the model reads words with its own eyes, if it reads.
        sampler: the one of ours that its scheduler asks for.
        parts: what diffusers makes its pipeline of, by name, but for the scheduler.
        besides: what else its pipeline is given.
        scheduler: its configuration.
    """

    kind: Kind
    generator: StableDiffusion
    encoders: Mapping[str, TextEncoder]
    sampler: str
    parts: Mapping[str, Any]
    besides: Mapping[str, Any]
    scheduler: Mapping[str, Any]

    @property
    def samplers(self) -> Mapping[str, Callable[[int], Sampler]]:
        """Our samplers on its schedule, by name, from a number of steps."""
        return samplers(self.generator.schedule)

    def save(self, folder: Path) -> None:
        """Write a folder that diffusers opens too, in full precision; ``folder`` is made."""
        solver = getattr(diffusers, self.scheduler["_class_name"]).from_config(dict(self.scheduler))
        pipeline = getattr(diffusers, self.kind.pipeline)(**self.parts, **self.besides, scheduler=solver)
        pipeline.save_pretrained(folder)
        for path in folder.rglob("*.safetensors"):
            path.chmod(0o644)  # safetensors writes files that their owner alone may read


def load(folder: Path, device: str = "cpu") -> Checkpoint:
    """Open a folder of diffusers'; all its networks are frozen, and in float32.

    Raises:
        NotFoundError: the folder lacks a part.
        ModelFileError: it is of another kind, or a part is pickled, malformed, not finite, or does not fit the others.
        LimitError: its networks need more memory than is free.
    """
    if (needed := weigh(folder).peak) > room.free(device):
        hint = "close other programs, or open a smaller model"
        raise room.shortage(f"opening {folder}", needed, device, field="model", hint=hint)
    return _assembled(folder, device, lambda *part: open_part(*part).to(device))


def outline(folder: Path, where: FakeTensorMode) -> Checkpoint:
    """What ``load`` would open, without weights: it tells shapes, and knows no prompt. Errors as of ``load``.

    Args:
        folder: is looked into, and no weights are read.
        where: the stage on which its networks are built.
    """
    return _assembled(folder, "cpu", partial(outline_part, where=where))


def weigh(folder: Path) -> Burden:
    """What ``load`` takes, in bytes; errors as there, of what is seen without reading weights."""
    index = read_json(folder / INDEX)
    networks = _networks(_kind(index, folder), index)
    burdens = (weigh_part(folder / name, *network) for name, network in networks.items())
    return sum(burdens, Burden())


def _assembled(folder: Path, device: str, opener: Callable[[Path, Any, str], Any]) -> Checkpoint:
    """What is in a folder, each network as ``opener`` opens it."""
    index, config = read_json(folder / INDEX), read_json(folder / "scheduler" / SCHEDULER)
    kind = _kind(index, folder)
    schedule = schedule_of({**config, **kind.overruled})
    parts = _parts(folder, kind, {name: opener(folder / name, *net) for name, net in _networks(kind, index).items()})
    besides, autoencoder, encoders = dict(kind.besides), parts[kind.autoencoder], _encoders(parts, kind)
    _require_fit(parts, autoencoder.config, encoders, folder)
    if kind is PAIRED:
        besides[BLANK] = bool(index.get(BLANK, True))
    denoiser = _denoiser(parts, encoders, stride_of(autoencoder), blank=besides.get(BLANK, False))
    denoiser.ports.to(device)
    repaints = parts["unet"].config.in_channels > parts["unet"].config.out_channels
    generator = (Repainter if repaints else StableDiffusion)(denoiser, autoencoder, schedule)
    return Checkpoint(kind, generator, encoders, sampler_of(config), parts, besides, config)


# --- parts -----------------------------------------------------------------------------------------------------------


def _kind(index: Mapping[str, Any], folder: Path) -> Kind:
    stated = str(index.get("_diffusers_version", ""))
    if _generation(stated) > _generation(diffusers.__version__):
        message = f"{folder} needs diffusers >= {_generation(stated)}, have {diffusers.__version__}"
        raise ModelFileError(message, field=str(folder), hint="install a newer diffusers")
    named = str(index.get("_class_name"))
    if named not in KINDS:
        accepted = ", ".join(KINDS)
        raise ModelFileError(
            f"{folder} is for {named}, which is not known here", field=str(folder), hint=f"accepted: {accepted}"
        )
    return KINDS[named]


def _generation(version: str) -> int:
    """The first number of a version, 0 if there is none: a higher one may mean other files."""
    number = re.match(r"\d{1,9}", version)
    return int(number[0]) if number else 0


def _networks(kind: Kind, index: Mapping[str, Any]) -> dict[str, tuple[Any, str]]:
    """As ``PARTS``, the networks of a folder, in the order in which they are opened."""
    others = {name: _network(name, index) for name in (kind.autoencoder, *kind.readers)}
    return {"unet": (kind.unet, DIFFUSED), **others}


def _network(name: str, index: Mapping[str, Any]) -> tuple[Any, str]:
    """The class that the folder names, if it is another one than usual, and how the names of its weights begin."""
    (usual, stem), other = PARTS[name], OTHERS.get(name)
    named = index.get(name) == ["diffusers" if stem == DIFFUSED else "transformers", getattr(other, "__name__", "")]
    return other if named else usual, stem


def _parts(folder: Path, kind: Kind, networks: Mapping[str, Any]) -> dict[str, Any]:
    """Networks and tokenizers by the names of their folders."""
    tokenizers = {
        _tokenizer_of(name): _tokenizer(folder / _tokenizer_of(name), networks[name]) for name in kind.readers
    }
    return {**networks, **tokenizers}


def _tokenizer_of(reader: str) -> str:
    return reader.replace("text_encoder", "tokenizer").replace("bert", "tokenizer")


def _tokenizer(folder: Path, reader: Any) -> CLIPTokenizer | BertTokenizer:
    if not any(all((folder / name).is_file() for name in names) for names in VOCABULARIES):
        wanted = " or ".join(" and ".join(names) for names in VOCABULARIES)
        raise NotFoundError(f"{folder} lacks a vocabulary: {wanted}", field=str(folder))
    kind = BertTokenizer if isinstance(reader, LDMBertModel) else CLIPTokenizer
    with fitting(folder, kind.__name__):
        tokenizer = kind.from_pretrained(folder, local_files_only=True)
    tokenizer.model_max_length = min(tokenizer.model_max_length, reader.config.max_position_embeddings)
    return tokenizer


def _encoders(parts: Mapping[str, Any], kind: Kind) -> dict[str, TextEncoder]:
    readers = [TextEncoder(parts[_tokenizer_of(name)], parts[name]) for name in kind.readers]
    return {TEXT: PairedTextEncoder(*readers) if kind is PAIRED else readers[0]} if readers else {}


# --- the generator ---------------------------------------------------------------------------------------------------


def _denoiser(
    parts: Mapping[str, Any], encoders: Mapping[str, TextEncoder], stride: int, *, blank: bool
) -> StockDenoiser:
    """What asks the U-Net; zeros stand for no prompt if that is ``blank``."""
    if TEXT not in encoders:
        return WordlessDenoiser(parts["unet"], stride)
    read = encoders[TEXT].encode(Text(""), "tokens").value[0]
    null = torch.zeros_like(read) if blank else read
    if "text_encoder_2" not in parts:
        return StockDenoiser(parts["unet"], null, stride)
    return SizedDenoiser(parts["unet"], null, stride, parts["text_encoder_2"].config.projection_dim)


def _require_fit(parts: Mapping[str, Any], vae: Any, encoders: Mapping[str, TextEncoder], folder: Path) -> None:
    """Refuse parts of different models."""
    wrong = [
        f"{name} is {found!r} and not {' or '.join(map(repr, expected))}"
        for name, found, *expected in _measures(parts, vae, encoders)
        if found not in expected
    ]
    if wrong:
        raise ModelFileError(f"the parts of {folder} do not fit each other: {'; '.join(wrong)}", field=str(folder))


def _measures(parts: Mapping[str, Any], vae: Any, encoders: Mapping[str, TextEncoder]) -> Iterator[tuple[Any, ...]]:
    """What each part says of itself, as it is and as the others, or our way of asking, want it.

    The autoencoder speaks through its configuration ``vae``.
    """
    unet, told = parts["unet"].config, "text_time" if "text_encoder_2" in parts else None
    latents = vae.get("vq_embed_dim") or vae.latent_channels
    width = encoders[TEXT].width("tokens") if TEXT in encoders else None
    yield "the U-Net's in_channels", unet.in_channels, latents, 2 * latents + 1
    yield "the U-Net's out_channels", unet.out_channels, latents
    yield "the U-Net's cross_attention_dim", unet.get("cross_attention_dim"), width
    yield "the U-Net's addition_embed_type", unet.get("addition_embed_type"), told
    yield "the U-Net's class_embed_type", unet.class_embed_type, None
    yield "the U-Net's num_class_embeds", unet.num_class_embeds, None
    yield "the U-Net's time_embedding_type", unet.time_embedding_type, "positional", "fourier"
    yield "the autoencoder's shift_factor", vae.get("shift_factor"), None
    yield "the autoencoder's latents_mean", vae.get("latents_mean"), None
    yield "the type of the U-Net's sample_size", type(unet.sample_size).__name__, "int"
    for reader in ("text_encoder", "text_encoder_2", "bert"):
        if reader in parts:
            known = len(parts[_tokenizer_of(reader)]) <= parts[reader].config.vocab_size
            yield f"whether {reader} knows every token of its tokenizer", known, True
    if "text_encoder_2" in parts:
        sizes = 6 * unet.addition_time_embed_dim + parts["text_encoder_2"].config.projection_dim
        yield "the width of what the U-Net is told", unet.projection_class_embeddings_input_dim, sizes
