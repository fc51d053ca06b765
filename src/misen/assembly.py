"""The one file that may name concrete modalities and families: it finds, opens and wires everything."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from misen.core.adapter import Adapter
from misen.core.condition import Encoder
from misen.core.energy import Energy
from misen.core.errors import InputError, ModelFileError, NotFoundError, brief, closest
from misen.core.generator import Generator, Particular, Rereading, Sampler
from misen.core.judge import Judge
from misen.core.registry import Family, families, lookup, modalities
from misen.core.signal import Signal
from misen.core.upscaler import Upscaler
from misen.nn.description import CARD, read_card
from misen.nn.tensor_file import check_layout
from misen.pretrained import INDEX, hub
from misen.pretrained.raw import RAW, raw

if TYPE_CHECKING:
    from torch import Tensor
    from torch._subclasses.fake_tensor import FakeTensorMode

    from misen.nn.room import Burden
    from misen.pretrained.stable_diffusion.folder import Checkpoint

WEIGHTS = Path(__file__).parent / "weights"
"""The folder of the models that ship."""
USUAL_MODEL = "avatars/diffusion"
"""What makes pictures when nobody says which model should."""
UPSCALER = "avatars/upscaler"
"""What makes pictures larger than their model does, where it is installed."""
TALKING = "avatars/talking"
"""What lets faces talk when nobody says which model should."""
WORDS = "text"
"""The modality that plain words stand for."""
PORTRAIT = "exemplar"
"""The modality that a picture of a face stands for."""

Part = TypeVar("Part")


class Parts(Mapping[str, Part], Generic[Part]):
    """One part of every modality's folder, built when it is first asked for, since most need a network."""

    def __init__(self, build: Callable[[str], Part]) -> None:
        self._build = cache(build)

    def __getitem__(self, modality: str) -> Part:
        if modality not in modalities():
            raise KeyError(modality)
        return self._build(modality)

    def __contains__(self, modality: object) -> bool:
        return modality in modalities()

    def __iter__(self) -> Iterator[str]:
        return iter(modalities())

    def __len__(self) -> int:
        return len(modalities())


@cache
def encoders() -> Mapping[str, Encoder]:
    """Encoders by modality; text and the like share the coach's frozen networks."""
    from misen.perception import coach

    return Parts(lambda modality: _part(modality, "encoder").build(coach))


@cache
def energies() -> Mapping[str, Energy]:
    """Energies by modality; they see with the coach's networks, and words in any joint embedding that is a folder."""
    from misen.perception import coach

    return Parts(lambda modality: _words_energy() if modality == WORDS else _part(modality, "energy").build(coach))


def _words_energy() -> Energy:
    from misen.perception import coach
    from misen.pretrained.clip import Measures

    part = _part(WORDS, "energy")
    energy: Energy = part.TextEnergy(coach.observer(), coach.joint(), partial(Measures, part.JointEnergy))
    return energy


def _part(modality: str, module: str) -> Any:
    return modalities()[modality].part(module)


@cache
def judges() -> Mapping[str, Judge]:
    """Judges by modality; they see with networks that never steer."""
    from misen.perception import judge

    return Parts(lambda modality: _part(modality, "judge").build(judge))


def words(prompt: str) -> Signal:
    """The signal that plain words stand for."""
    signal: Signal = modalities()[WORDS].signal.parse(prompt)
    return signal


def portrait(picture: Tensor) -> Signal:
    """The signal that a picture (1, 3, H, W) in [-1, 1] of a face stands for."""
    signal: Signal = modalities()[PORTRAIT].signal(picture)
    return signal


def signal_class(modality: str) -> Any:
    """The class of signals of a modality, or of raw pictures in place of them; raises ``NotFoundError`` for others."""
    known = lookup("modality", modality.removeprefix(RAW), modalities())
    return raw(known) if modality.startswith(RAW) else modalities()[known].signal


@dataclass(frozen=True)
class Defaults:
    """What a model uses when a caller does not say.

    Attributes:
        sampler: name of a sampler of its family.
        steps: length of the walk.
        scale: guidance scale.
    """

    sampler: str
    steps: int
    scale: float


@dataclass(frozen=True)
class Outline:
    """What of a model is still to be opened.

    Attributes:
        burden: what that takes.
        stage: where its networks stand without weights.
    """

    burden: Burden
    stage: FakeTensorMode


@dataclass(frozen=True)
class Opened:
    """A model's generator with what is needed to use it.

    Attributes:
        name: of a shipped model, or the folder it was asked for as.
        generator: ready to predict.
        samplers: by name, from a number of steps to a sampler.
        defaults: from its card.
        sha256: digest over the digests of its weights.
        save: writes a folder from which it can be opened.
        own_encoders: by modality, of what it reads otherwise than our models do.
        outline: set where its networks have no weights, so that it plans and makes nothing.
        adapters: what was added to it, with the digests of their weights.
    """

    name: str
    generator: Generator
    samplers: Mapping[str, Callable[[int], Sampler]]
    defaults: Defaults
    sha256: str
    save: Callable[[Path], None]
    own_encoders: Mapping[str, Encoder] = field(default_factory=dict)
    outline: Outline | None = None
    adapters: tuple[Adapter, ...] = ()

    @property
    def encoders(self) -> Mapping[str, Encoder]:
        """Encoders by modality: the model's own, where it has any, and those that all models share."""
        own = self.own_encoders
        return Parts(lambda modality: own[modality] if modality in own else encoders()[modality])

    def check_sampler(self, name: str) -> str:
        """``name`` if the family has such a sampler; raises ``InputError`` with the closest names otherwise."""
        if not isinstance(name, str) or name not in self.samplers:
            hint = closest(str(name), self.samplers)
            raise InputError(f"there is no sampler {brief(name)}", field="sampler", hint=hint)
        return name


def open_model(name: str, device: str = "cpu", adapters: Sequence[Adapter] = ()) -> Opened:
    """Open a model by the name of a shipped one, the name of a family (its best), a folder or the id of a hub.

    Args:
        name: of the model.
        device: where its networks go.
        adapters: what is added to it, in this order.

    Raises:
        NotFoundError: there is no such model or adapter, or a part of it is missing.
        InputError: it is one that makes no pictures, or an adapter does not fit it or has another digest than told.
        ModelFileError: its files, or an adapter's, must not be opened.
    """
    folder = find(name)
    if not (folder / CARD).exists():
        return _open_foreign(folder, name, device, adapters)
    if adapters:
        hint = "adapters are added to other people's models, folders of diffusers'"
        raise InputError(f"{name} takes no adapters", field="adapter", hint=hint)
    card = read_card(folder)
    package = _family(card, name).package
    files, samplers = import_module(f"{package}.folder"), import_module(f"{package}.samplers")
    generator: Generator = files.load(folder, device)
    return Opened(
        name=model_name(folder) if folder.is_relative_to(WEIGHTS) else name,
        generator=generator,
        samplers=generator.samplers if isinstance(generator, Particular) else samplers.SAMPLERS,
        defaults=_defaults(card, name),
        sha256=fingerprint(folder),
        save=lambda target: files.save(generator, target),
        own_encoders=generator.own_encoders(encoders()) if isinstance(generator, Rereading) else {},
    )


def outline_model(name: str) -> Opened:
    """What is known of a model without its weights, as they may be large: enough to plan; errors as of ``open_model``.

    Our own models are small, and opened.
    """
    folder = find(name)
    if (folder / CARD).exists():
        return open_model(name)
    from misen.nn.rehearsal import stage
    from misen.pretrained.stable_diffusion import folder as files

    where = stage()
    outlined = _foreign(files.outline(folder, where), name, sha256="")
    return replace(outlined, outline=Outline(files.weigh(folder), where))


@dataclass(frozen=True)
class OpenedUpscaler:
    """What makes pictures larger, whichever model they are from.

    Attributes:
        name: of the shipped upscaler.
        upscaler: ready to enlarge.
        sha256: digest over the digest of its weights.
    """

    name: str
    upscaler: Upscaler
    sha256: str


def open_upscaler(device: str = "cpu") -> OpenedUpscaler | None:
    """Open the upscaler that ships; None where none is installed.

    Raises:
        ModelFileError: its files must not be opened.
    """
    folder = WEIGHTS / UPSCALER
    if not (folder / CARD).is_file():
        return None
    files = import_module("misen.generators.diffusion.upscaler.folder")
    return OpenedUpscaler(UPSCALER, files.load(folder, device), fingerprint(folder))


def find(name: str) -> Path:
    """The folder of a model, ours or diffusers'.

    Raises:
        NotFoundError: there is none, or it holds no model; with the closest names.
        ModelFileError: it is a lone file.
    """
    shipped = {model_name(folder): folder for folder in model_folders()}
    named = families()[name].default_model if name in families() else name
    if named in shipped:
        return shipped[named]
    if os.path.isfile(name):  # noqa: PTH113  # unlike Path's, it takes any string
        check_layout(Path(name))
        hint = "a model is a folder; `misen convert` makes one of a checkpoint of Stable Diffusion"
        raise ModelFileError(f"{name} is one file of weights", field="model", hint=hint)
    if os.path.isdir(name):  # noqa: PTH112
        return _folder(Path(name))
    if (fetched := hub.cached(name)) is not None:
        return _folder(fetched)
    present = [family for family, told in families().items() if told.default_model in shipped]
    if name in families():
        hint = f"train it, or take another family; installed: {', '.join(present) or 'none'}"
        raise NotFoundError(f"{named}, which {name!r} stands for, is not installed", field="model", hint=hint)
    if name == TALKING:
        hint = "train it with `make zoo NAME=talking`, or name another model"
        raise NotFoundError(f"{name}, which lets faces talk, is not installed", field="model", hint=hint)
    hint = closest(name, [*shipped, *present]) + hub.advice(name)
    raise NotFoundError(f"there is no model {brief(name)}", field="model", hint=hint)


def _folder(folder: Path) -> Path:
    """``folder`` if it holds a model."""
    known = (CARD, INDEX)
    if not any((folder / name).is_file() for name in known):
        found = ", ".join(sorted(path.name for path in folder.iterdir())[:8]) or "nothing"
        hint = f"a model of ours has a {CARD}, one of diffusers' a {INDEX}"
        raise NotFoundError(f"{folder} holds no model, but {found}", field="model", hint=hint)
    return folder


def _open_foreign(folder: Path, name: str, device: str, adapters: Sequence[Adapter]) -> Opened:
    """A folder of diffusers' with adapters."""
    from misen.pretrained.stable_diffusion import adapters as additions
    from misen.pretrained.stable_diffusion import folder as files

    identified = tuple(_identified(adapter, additions.locate(adapter)) for adapter in adapters)
    checkpoint = files.load(folder, device)
    for adapter in identified:
        checkpoint = additions.add(checkpoint, adapter)
    return replace(_foreign(checkpoint, name, fingerprint(folder)), adapters=identified)


def _identified(adapter: Adapter, path: Path) -> Adapter:
    """An adapter with the digest of its weights; raises ``InputError`` if another one was told."""
    sha256 = fingerprint(path)
    if adapter.sha256 not in ("", sha256):
        raise InputError(
            f"the recipe was made with other weights of {adapter.path}",
            field="adapters.sha256",
            hint="empty the digest to use these",
        )
    return replace(adapter, sha256=sha256)


def _foreign(checkpoint: Checkpoint, name: str, sha256: str) -> Opened:
    """Somebody else's model with its own defaults."""
    from misen.pretrained.stable_diffusion import folder as files

    return Opened(
        name=name,
        generator=checkpoint.generator,
        samplers=checkpoint.samplers,
        defaults=Defaults(checkpoint.sampler, files.STEPS, checkpoint.kind.scale),
        sha256=sha256,
        save=checkpoint.save,
        own_encoders=checkpoint.encoders,  # type: ignore[arg-type]  # each takes the signals of one modality
    )


def model_folders() -> list[Path]:
    """The folders of everything that ships with a card."""
    return sorted(card.parent for card in WEIGHTS.rglob(CARD))


def model_name(folder: Path) -> str:
    """The name of a shipped model: its folder under the weights."""
    return folder.relative_to(WEIGHTS).as_posix()


def fingerprint(folder: Path) -> str:
    """SHA-256 over the weights of a folder, in the order of their paths; of a file that of its content."""
    if folder.is_file():
        with folder.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*.safetensors")):
        digest.update(file.relative_to(folder).as_posix().encode())
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


def _defaults(card: Mapping[str, Any], name: str) -> Defaults:
    """What the card of a model says about sampling."""
    match card:
        case {"sampler": str(sampler), "steps": int(steps), "guidance_scale": int() | float() as scale}:
            return Defaults(sampler, steps, scale)
    hint = "it must name a sampler, steps and a guidance_scale"
    raise ModelFileError(f"the card of {name} does not say how to sample", field="model", hint=hint)


def _family(card: Mapping[str, Any], name: str) -> Family:
    """The family whose folder opens a model."""
    if "family" not in card:
        raise InputError(f"{name} makes no pictures", field="model", hint=f"accepted: {', '.join(families())}")
    return families()[lookup("family", str(card["family"]), families())]
