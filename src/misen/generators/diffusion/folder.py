"""Models as folders in the layout of diffusers, whose own pipeline makes the same pictures of a prompt.

``unet/`` and ``scheduler/`` are stock; ``vae/`` is an autoencoder of ours, named by its module; ``ports/``, ``tiny/``,
``weak/`` and, of a model that shows places in a joint embedding, ``prior/`` and ``joint/`` are ours too. Nothing but
safetensors, JSON, TOML and the tokenizer's text is written or read.
"""

from __future__ import annotations

import copy
import hashlib
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers.models.unets.unet_2d import UNet2DModel
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import nn

from misen.codecs.autoencoder import KLAutoencoder
from misen.codecs.quantized import VQAutoencoder
from misen.codecs.tiny import TinyDecoder
from misen.core.errors import ModelFileError
from misen.core.files import replace_file
from misen.generators.diffusion.denoiser import Denoiser
from misen.generators.diffusion.generator import DiffusionGenerator
from misen.generators.diffusion.ports import PortSettings
from misen.generators.diffusion.schedule import SCHEDULER
from misen.generators.diffusion.unclip import folder as unclip
from misen.generators.diffusion.unclip.generator import UnclipGenerator
from misen.nn.description import CARD, check_format, read_card, read_json, write_card, write_json
from misen.nn.weights import fill, write

FORMAT = 1
"""Version of the folder; a newer one is refused."""
INDEX, CONFIG, WEIGHTS = "model_index.json", "config.json", "diffusion_pytorch_model.safetensors"
TINY, WEAK = "tiny", "weak"
"""Parts that a model may have."""
PIPELINE, SOLVER = "StableDiffusionPipeline", "DPMSolverMultistepScheduler"
AUTOENCODERS: Mapping[str, Any] = {kind.__name__: kind for kind in (KLAutoencoder, VQAutoencoder)}
ABSENT = ("safety_checker", "feature_extractor", "image_encoder")
"""Parts of the stock pipeline that we have none of."""


class Copied:
    """A companion as the files it was opened from."""

    def __init__(self, folder: Path, kind: tuple[str, str]) -> None:
        self.folder, self.kind = folder, kind

    def save_pretrained(self, folder: Path) -> None:
        """Copy the files, unless they lie there already."""
        if not (folder.exists() and folder.samefile(self.folder)):
            shutil.copytree(self.folder, folder, dirs_exist_ok=True, copy_function=shutil.copyfile)


def save(generator: DiffusionGenerator, folder: Path) -> None:
    """Write everything in half precision; ``folder`` is made, and what it held under these names is replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    denoiser = generator.denoiser
    _save_part(denoiser.unet, folder / "unet")
    _save_part(generator.autoencoder, folder / "vae")
    if generator.tiny is not None:
        _save_part(generator.tiny, folder / TINY)
    if generator.weak is not None:
        _save_part(generator.weak, folder / WEAK)
    write(denoiser.ports, folder / "ports" / WEIGHTS)
    write_json(folder / "ports" / CONFIG, {"ports": [asdict(settings) for settings in denoiser.ports.table]})
    _save_scheduler(folder / "scheduler")
    if isinstance(generator, UnclipGenerator):
        unclip.save(generator, folder)
    for name, companion in generator.companions.items():
        _save_companion(companion, folder / name)
    write_json(folder / INDEX, _index(generator, folder))
    if generator.card:
        write_card(folder, generator.card)


def save_weak(weak: UNet2DModel, folder: Path) -> None:
    """Put a weak network into a folder that ``save`` wrote, all other parts of which stay; raises as ``load`` does."""
    index = _read_index(folder)
    _save_part(weak, folder / WEAK)
    digest = hashlib.sha256((folder / WEAK / WEIGHTS).read_bytes()).hexdigest()
    digests = {**index["_misen"]["sha256"], f"{WEAK}/{WEIGHTS}": digest}
    write_json(folder / INDEX, {**index, "_misen": {**index["_misen"], "sha256": dict(sorted(digests.items()))}})


def load(folder: Path, device: str = "cpu") -> DiffusionGenerator:
    """Open a folder that ``save`` wrote; its networks are frozen.

    Raises:
        NotFoundError: the folder is not there or lacks a part.
        ModelFileError: a file is malformed, altered, not finite, of another architecture, or of a newer format.
    """
    index = _read_index(folder)
    autoencoder = _part(folder, "vae", _autoencoder(folder, index), index).to(device)
    denoiser = load_denoiser(folder, autoencoder.stride).to(device)
    tiny, weak = (
        _part(folder, name, kind, index).to(device) if (folder / name).is_dir() else None
        for name, kind in ((TINY, TinyDecoder), (WEAK, UNet2DModel))
    )
    named = [name for name in map(str, index["_misen"]["companions"]) if isinstance(index.get(name), list)]
    companions = {name: Copied(folder / name, tuple(index[name])) for name in named}
    card = read_card(folder) if (folder / CARD).exists() else {}
    if not (folder / unclip.PRIOR).is_dir():
        return DiffusionGenerator(denoiser, autoencoder, tiny, weak=weak, companions=companions, card=card)
    joint, prior = unclip.load(folder, index["_misen"]["sha256"], device)
    return UnclipGenerator(denoiser, autoencoder, tiny, joint=joint, prior=prior, companions=companions, card=card)


def load_denoiser(folder: Path, stride: int) -> Denoiser:
    """The U-Net and its ports alone, to go on with beside another autoencoder of ``stride`` pixels per latent cell.

    Raises:
        NotFoundError: the folder is not there or lacks one of them.
        ModelFileError: as for ``load``.
    """
    index = _read_index(folder)
    unet = _part(folder, "unet", UNet2DConditionModel, index)
    table = _read_table(folder / "ports" / CONFIG)
    with _described(folder / "ports", Denoiser.__name__):
        denoiser = Denoiser(unet, table, stride)
    _fill(folder, "ports", denoiser.ports, index)
    return denoiser


# --- writing ---------------------------------------------------------------------------------------------------------


def _save_part(model: Any, folder: Path) -> None:
    write(model, folder / WEIGHTS)
    model.save_config(folder)


def _save_scheduler(folder: Path) -> None:
    solver = getattr(diffusers, SOLVER)(**SCHEDULER, algorithm_type="dpmsolver++", solver_order=2)
    solver.save_pretrained(folder)


def _save_companion(companion: Any, folder: Path) -> None:
    """A network is written in half precision too, and says that it wants to be read in full."""
    if not isinstance(companion, nn.Module):
        companion.save_pretrained(folder)
        return
    copy.deepcopy(companion).half().save_pretrained(folder)  # type: ignore[operator]
    for path in folder.glob("*.safetensors"):
        replace_file(path, path.read_bytes())  # safetensors writes files that their owner alone may read
    write_json(folder / CONFIG, {**read_json(folder / CONFIG), "dtype": "float32"})


def _index(generator: DiffusionGenerator, folder: Path) -> dict[str, Any]:
    """What ``model_index.json`` holds."""
    return {
        "_class_name": PIPELINE,
        "_diffusers_version": diffusers.__version__,
        "unet": ["diffusers", UNet2DConditionModel.__name__],
        "vae": [type(generator.autoencoder).__module__, type(generator.autoencoder).__name__],
        "scheduler": ["diffusers", SOLVER],
        **{name: _kind(companion) for name, companion in generator.companions.items()},
        **{name: [None, None] for name in ABSENT},
        "requires_safety_checker": False,
        "_misen": {
            "format": FORMAT,
            "companions": sorted(generator.companions),
            "sha256": {
                path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
                for path in sorted(folder.glob("*/*.safetensors"))
            },
        },
    }


def _kind(companion: Any) -> list[str]:
    """Library and class of a companion."""
    if isinstance(companion, Copied):
        return list(companion.kind)
    return [type(companion).__module__.split(".")[0], type(companion).__name__]


# --- reading ---------------------------------------------------------------------------------------------------------


def _read_index(folder: Path) -> Mapping[str, Any]:
    index = read_json(folder / INDEX)
    ours = index.get("_misen")
    if not isinstance(ours, dict) or not isinstance(ours.get("format"), int):
        raise ModelFileError(f"{folder / INDEX} was not written by Misen: it states no format", field=str(folder))
    check_format(folder, ours["format"], FORMAT)
    if not isinstance(ours.get("sha256"), dict) or not isinstance(ours.get("companions"), list):
        raise ModelFileError(f"{folder / INDEX} does not record digests and companions", field=str(folder))
    return index


def _autoencoder(folder: Path, index: Mapping[str, Any]) -> Any:
    """The class of the folder's autoencoder."""
    stated = index.get("vae")
    named = str(stated[-1]) if isinstance(stated, list) and stated else "not named"
    if named not in AUTOENCODERS:
        hint = f"accepted: {', '.join(AUTOENCODERS)}"
        raise ModelFileError(f"the autoencoder in {folder} is {named}, which is not ours", field=str(folder), hint=hint)
    return AUTOENCODERS[named]


def _part(folder: Path, name: str, kind: Any, index: Mapping[str, Any]) -> Any:
    """A frozen network of the folder."""
    return _fill(folder, name, _build(kind, folder / name), index)


def _fill(folder: Path, name: str, model: nn.Module, index: Mapping[str, Any]) -> nn.Module:
    fill(model, folder / name / WEIGHTS, index["_misen"]["sha256"].get(f"{name}/{WEIGHTS}"))
    return model.requires_grad_(False).eval()


def _read_table(path: Path) -> list[PortSettings]:
    try:
        return [PortSettings(**line) for line in read_json(path)["ports"]]
    except (KeyError, TypeError) as error:
        raise ModelFileError(f"{path} is not a table of ports: {error}", field=str(path)) from error


def _build(kind: Any, folder: Path) -> Any:
    """A network as its configuration describes it, weights still random."""
    config = read_json(folder / CONFIG)
    with _described(folder, kind.__name__), torch.random.fork_rng(devices=[]):
        return kind.from_config(config)


@contextmanager
def _described(folder: Path, kind: str) -> Iterator[None]:
    """Networks raise nearly anything when their configuration makes no sense; it is said in our words."""
    try:
        yield
    except Exception as error:
        raise ModelFileError(
            f"{folder / CONFIG} describes no {kind}: {error}", field=str(folder), hint="install the model again"
        ) from error
