"""Adapters of Stable Diffusion and its kin: told by their content, and added to a model that has been opened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from safetensors import safe_open

from misen.core.adapter import Adapter
from misen.core.errors import InputError, ModelFileError, NotFoundError, brief, closest
from misen.core.guidance import WHOLE
from misen.core.port import Adaptation, Port
from misen.generators.diffusion.lora import FILE as FACTORS
from misen.modalities.text.pseudo_word import FILE as WORD
from misen.modalities.text.pseudo_word import read_word, taught
from misen.modalities.text.signal import Text
from misen.nn.tensor_file import check_layout
from misen.pretrained import hub
from misen.pretrained.parts import CONFIG
from misen.pretrained.raw import RAW
from misen.pretrained.stable_diffusion import lora
from misen.pretrained.stable_diffusion.controlnet import PICTURED, SPANNING, Control, PictureEncoder, open_network
from misen.pretrained.stable_diffusion.denoiser import TEXT
from misen.pretrained.stable_diffusion.folder import BLANK, PLAIN, Checkpoint

KINDS = (
    f"a ControlNet is a folder of diffusers' with a {CONFIG}, a LoRA a safetensors file or a folder with {FACTORS}, "
    f"a learned word a safetensors file of one tensor or a folder with {WORD}"
)
"""What there is to add."""
SAFE = "find its safetensors, which most publishers offer; nothing is ever unpickled"


def locate(adapter: Adapter) -> Path:
    """Where an adapter lies: its folder, if that describes a network, or else its file.

    Raises:
        NotFoundError: there is none.
    """
    path = Path(adapter.path)
    found = path if path.exists() else hub.cached(adapter.path)
    if found is None:
        hint = "check the path" + hub.advice(adapter.path)
        raise NotFoundError(f"there is no adapter {brief(adapter.path)}", field="adapter", hint=hint)
    if found.is_file() or (found / CONFIG).is_file():
        return found
    for name in (FACTORS, WORD):
        if (found / name).is_file():
            return found / name
    held = ", ".join(sorted(entry.name for entry in found.iterdir())[:8]) or "nothing"
    raise NotFoundError(f"{found} holds no adapter, but {held}", field="adapter", hint=KINDS)


def add(checkpoint: Checkpoint, adapter: Adapter) -> Checkpoint:
    """The checkpoint with an adapter, which may change its networks.

    Raises:
        NotFoundError: there is no such adapter.
        InputError: an option makes no sense for an adapter of its kind, or the kind none for the model.
        ModelFileError: it is pickled or malformed, of an unknown kind, or made for another model.
    """
    path = locate(adapter)
    return _kind(path)(checkpoint, adapter, path)


Addition = Callable[[Checkpoint, Adapter, Path], Checkpoint]


def _kind(path: Path) -> Addition:
    """How what lies there is added."""
    if path.is_dir():
        return _add_control
    try:
        check_layout(path)
    except ModelFileError as error:
        raise ModelFileError(error.message, field="adapter", hint=SAFE) from error
    with safe_open(path, "pt") as stored:
        names = list(stored.keys())
    if any("lora" in name for name in names):
        return _add_factors
    if len(names) == 1:
        return _add_word
    listed = ", ".join(names[:3])
    raise ModelFileError(
        f"{path} is no adapter: it holds {len(names)} tensors such as {listed}", field="adapter", hint=KINDS
    )


# --- what each kind adds ---------------------------------------------------------------------------------------------


def _add_control(checkpoint: Checkpoint, adapter: Adapter, folder: Path) -> Checkpoint:
    """A port for its modality."""
    if adapter.modality not in PICTURED:
        raise InputError(
            f"a ControlNet needs the modality that guides through it, got {brief(adapter.modality)}",
            field="modality",
            hint=closest(adapter.modality, PICTURED),
        )
    generator = checkpoint.generator
    controls = generator.denoiser.controls
    name = f"controlnet-{len(controls) + 1}"
    network = open_network(folder, generator.denoiser.unet, generator.stride)
    controls[name] = Control(network, generator.stride, spans=adapter.modality in SPANNING and not adapter.raw)
    adaptation = Adaptation(PictureEncoder(generator.size), adapter.strength, adapter.window)
    taken = RAW + adapter.modality if adapter.raw else adapter.modality
    port = Port("map", 3, frozenset({taken}), mixable=False, adaptation=adaptation)
    generator.ports = {**generator.ports, name: port}
    return checkpoint


def _add_factors(checkpoint: Checkpoint, adapter: Adapter, file: Path) -> Checkpoint:
    """Other weights, with another answer to no prompt if text encoders are among them."""
    _refuse_options(adapter, "a LoRA", "it takes a strength", modality="", window=WHOLE, raw=False)
    lora.merge(checkpoint.parts, lora.read(file), adapter.strength)
    if TEXT in checkpoint.encoders and not checkpoint.besides.get(BLANK):
        checkpoint.generator.denoiser.set_null(checkpoint.encoders[TEXT].encode(Text(""), "tokens").value[0])
    return checkpoint


def _add_word(checkpoint: Checkpoint, adapter: Adapter, file: Path) -> Checkpoint:
    """A word that prompts may use."""
    _refuse_options(adapter, "a learned word", "it takes none", modality="", strength=1.0, window=WHOLE, raw=False)
    if checkpoint.kind is not PLAIN:
        raise InputError(
            f"{file} holds a word for one text encoder of CLIP, and the model reads with two, with another, or not",
            field="adapter",
            hint="words are added to models of version 1 and 2",
        )
    encoder = taught(checkpoint.encoders[TEXT], *read_word(file))
    parts = {**checkpoint.parts, "text_encoder": encoder.model, "tokenizer": encoder.tokenizer}
    return replace(checkpoint, parts=parts, encoders={**checkpoint.encoders, TEXT: encoder})


def _refuse_options(adapter: Adapter, kind: str, hint: str, **usual: object) -> None:
    """Refuse an option that such an adapter cannot follow."""
    for option, value in usual.items():
        if (given := getattr(adapter, option)) != value:
            raise InputError(f"{kind} takes no {option}, got {brief(given)}", field=option, hint=hint)
