"""Original checkpoints of Stable Diffusion, all networks in one safetensors file, as folders of diffusers'.

The file holds neither a vocabulary nor the settings of the noise: both come from a folder of the same kind of model, or
from what a cache holds of the model that all of version 1 read their words with.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint, convert_ldm_vae_checkpoint
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from misen.core.errors import ModelFileError, NotFoundError
from misen.nn.description import read_json, write_json
from misen.nn.tensor_file import check_layout
from misen.pretrained import INDEX, hub
from misen.pretrained.parts import CONFIG, fitting
from misen.pretrained.stable_diffusion import architecture
from misen.pretrained.stable_diffusion.folder import PARTS, SCHEDULER, VOCABULARIES

HINT = (
    "look for the model's safetensors, which most publishers offer; or, only if you trust who made the file and away "
    "from anything precious, open it with torch.load(weights_only=True) and write it with safetensors.torch.save_file"
)
"""What to do about a pickle."""
READER = "openai/clip-vit-large-patch14"
"""The model whose vocabulary all of version 1 share."""
NOISE: Mapping[str, Any] = {
    "_class_name": "PNDMScheduler", "num_train_timesteps": 1000, "beta_schedule": "scaled_linear",
    "beta_start": 0.00085, "beta_end": 0.012, "prediction_type": "epsilon", "skip_prk_steps": True, "steps_offset": 1,
    "set_alpha_to_one": False, "trained_betas": None,
}  # fmt: skip
"""As all of version 1 were trained."""
Tensors = dict[str, Tensor]


@dataclass(frozen=True)
class Network:
    """One of the networks in a file.

    Attributes:
        prefix: how the names of its tensors begin.
        configured: its configuration, from the shapes of its tensors.
        renamed: its tensors by diffusers' names, from the tensors of the file and the configuration.
    """

    prefix: str
    configured: Callable[[architecture.Shapes], dict[str, Any]]
    renamed: Callable[[Tensors, Mapping[str, Any]], Tensors]


def _bare(tensors: Tensors, prefix: str) -> Tensors:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}


NETWORKS: Mapping[str, Network] = {
    "unet": Network("model.diffusion_model.", architecture.unet, convert_ldm_unet_checkpoint),
    "vae": Network("first_stage_model.", architecture.autoencoder, convert_ldm_vae_checkpoint),
    "text_encoder": Network(
        "cond_stage_model.transformer.",
        architecture.text_encoder,
        lambda tensors, _: _bare(tensors, "cond_stage_model.transformer."),
    ),
}
"""By the names of their folders."""


def unpack(file: Path, target: Path, config: Path | None = None) -> dict[str, int]:
    """Write the networks in ``file`` as a folder of diffusers'.

    Args:
        file: an original checkpoint in safetensors, told by its content.
        target: an empty folder.
        config: a folder of diffusers' for the same kind of model, whose weights are not looked at; what it lacks is
            taken from the shapes of the tensors and as version 1 has it.

    Returns:
        How many tensors each network has, and ``"left out"``, those of no network.

    Raises:
        NotFoundError: there is no such file, or no vocabulary.
        ModelFileError: it is pickled or malformed, lacks a network, or has tensors that no network of its kind has.
    """
    _check(file)
    with safe_open(file, "pt") as stored:
        names = list(stored.keys())
        found = {part: [name for name in names if name.startswith(net.prefix)] for part, net in NETWORKS.items()}
        _require_networks(found, file)
        for part, own in found.items():
            _write_network(part, {name: stored.get_tensor(name) for name in own}, target, config)
    _write_vocabulary(target / "tokenizer", config)
    write_json(_made(target / "scheduler") / SCHEDULER, _given(config, f"scheduler/{SCHEDULER}") or NOISE)
    write_json(target / INDEX, _given(config, INDEX) or _index(read_json(target / "unet" / CONFIG)))
    counts = {part: len(own) for part, own in found.items()}
    return {**counts, "left out": len(names) - sum(counts.values())}


def _check(file: Path) -> None:
    try:
        check_layout(file)
    except ModelFileError as error:
        hint = HINT if "pickle" in error.message else error.hint
        raise ModelFileError(error.message, field=error.field, hint=hint) from error


def _require_networks(found: Mapping[str, list[str]], file: Path) -> None:
    if missing := [f"{NETWORKS[part].prefix}* ({part})" for part, names in found.items() if not names]:
        raise ModelFileError(
            f"{file} is no original checkpoint of Stable Diffusion 1: it holds no {' and no '.join(missing)}",
            field=str(file),
            hint="a folder of diffusers' is opened as it is",
        )


# --- networks --------------------------------------------------------------------------------------------------------


def _write_network(part: str, tensors: Tensors, target: Path, config: Path | None) -> None:
    network, (kind, stem) = NETWORKS[part], PARTS[part]
    with fitting(target / part, kind.__name__):
        shapes = {name.removeprefix(network.prefix): tuple(tensor.shape) for name, tensor in tensors.items()}
        settings = _given(config, f"{part}/{CONFIG}") or network.configured(shapes)
        renamed = network.renamed(tensors, settings)
    if unknown := len(tensors) - len(renamed):
        raise ModelFileError(f"{unknown} of the {len(tensors)} tensors of the {part} have no place", field=part)
    write_json(_made(target / part) / CONFIG, settings)
    path = target / part / f"{stem}.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in renamed.items()}, path, {"format": "pt"})
    path.chmod(0o644)  # safetensors writes files that their owner alone may read


# --- what the file does not hold -------------------------------------------------------------------------------------


def _given(config: Path | None, name: str) -> dict[str, Any] | None:
    """What a file of the folder that goes before says; None without one."""
    return read_json(config / name) if config is not None and (config / name).is_file() else None


def _index(unet: Mapping[str, Any]) -> dict[str, Any]:
    """The file that makes a folder one of diffusers'."""
    repaints = unet["in_channels"] > unet["out_channels"]
    return {
        "_class_name": f"StableDiffusion{'Inpaint' * repaints}Pipeline",
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "scheduler": ["diffusers", "PNDMScheduler"],
        "safety_checker": [None, None],
        "feature_extractor": [None, None],
        "image_encoder": [None, None],
        "requires_safety_checker": False,
    }


def _write_vocabulary(target: Path, config: Path | None) -> None:
    source = config / "tokenizer" if config is not None else hub.cached(READER)
    if source is None or not any(all((source / name).is_file() for name in names) for names in VOCABULARIES):
        raise NotFoundError(
            f"a checkpoint holds no vocabulary, and there is none {f'in {source}' if config else 'on this machine'}",
            field="config",
            hint=f"name a folder of diffusers' of the same kind with --config, or fetch one{hub.advice(READER)}",
        )
    for path in sorted(source.iterdir()):
        if path.suffix in {".json", ".txt"} and path.name != CONFIG:
            shutil.copyfile(path, _made(target) / path.name)


def _made(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder
