"""Options that several commands share, as groups: a parameter annotated with a group stands for all its options."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from functools import update_wrapper
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self, get_type_hints

import typer

from misen.core.errors import InputError

if TYPE_CHECKING:
    from misen.core.adapter import Adapter


class Group:
    """Options that belong together; a frozen dataclass with one field per option."""

    @classmethod
    def parameters(cls) -> list[Parameter]:
        """The options as parameters of a command."""
        hints = get_type_hints(cls, include_extras=True)
        return [
            Parameter(field.name, Parameter.KEYWORD_ONLY, default=field.default, annotation=hints[field.name])
            for field in fields(cls)  # type: ignore[arg-type]  # every group is a dataclass
        ]

    @classmethod
    def take(cls, given: dict[str, Any]) -> Self:
        """The group from a command's arguments, which lose its own."""
        return cls(**{parameter.name: given.pop(parameter.name) for parameter in cls.parameters()})


def expanded(command: Callable[..., None]) -> Callable[..., None]:
    """``command`` with the options of each group in place of the parameter annotated with it."""
    hints = get_type_hints(command, include_extras=True)
    groups = {name: hint for name, hint in hints.items() if isinstance(hint, type) and issubclass(hint, Group)}

    def run(**given: Any) -> None:
        collected = {name: group.take(given) for name, group in groups.items()}
        command(**given, **collected)

    own = [p.replace(annotation=hints[p.name]) for p in signature(command).parameters.values() if p.name not in groups]
    parameters = [*own, *(parameter for group in groups.values() for parameter in group.parameters())]
    update_wrapper(run, command)
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    run.__signature__ = Signature(sorted(parameters, key=lambda p: p.kind))  # type: ignore[attr-defined]
    return run


ModelName = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="NAME|FAMILY|FOLDER|ID",
        help="A shipped model, a family (its best), a folder, ours or diffusers', or the id of one from the hub that "
        "is on this machine; `misen convert` makes a folder of a single file.",
    ),
]
AdapterPaths = Annotated[
    list[str] | None,
    typer.Option(
        "--adapter",
        metavar="PATH[:modality=M,strength=,start=,end=,raw=true]",
        help="Add a ControlNet, with what guides through it, a LoRA or a learned word to another's model.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")]


@dataclass(frozen=True)
class Sampling(Group):
    """How pictures are made; what is left out takes the model's default."""

    negative_text: Annotated[str | None, typer.Option(metavar="WORDS", help="What the picture should not show.")] = None
    model: ModelName = None
    adapter: AdapterPaths = None
    num_images: Annotated[int | None, typer.Option("-n", metavar="N", help="Pictures; the k-th uses seed + k.")] = None
    seed: Annotated[int | None, typer.Option(help="Seed of the first picture; drawn when left out.")] = None
    steps: Annotated[int | None, typer.Option(help="Length of the walk, 1 to 1000.")] = None
    guidance_scale: Annotated[float | None, typer.Option(help="What strength 1 of a guidance stands for.")] = None
    sampler: Annotated[str | None, typer.Option(help="A sampler of the model's family.")] = None
    cache_interval: Annotated[
        int | None, typer.Option(metavar="K", help="Ask the whole network in one of K predictions: faster, and near.")
    ] = None
    accelerate: Annotated[
        bool | None, typer.Option("--accelerate", help="Run otherwise where a short probe says that it pays.")
    ] = None
    best_of: Annotated[
        int | None, typer.Option(metavar="N", help="Make N candidates of each, keep the one that agrees most.")
    ] = None
    size: Annotated[str | None, typer.Option(metavar="N|WxH", help="Size in pixels, such as 256 or 96x64.")] = None

    def given(self) -> dict[str, Any]:
        """What a person set, by the name of its field."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def adapters(self) -> list[Adapter]:
        """What is added to the model; raises ``InputError`` for a senseless suffix."""
        from misen.cli.adapters import adapters

        return adapters(self.adapter)

    def settings(self) -> dict[str, Any]:
        """Arguments of ``Model.request``."""
        width, height = sides(self.size) if self.size else (None, None)
        return {
            "negative_prompt": self.negative_text,
            "num_images": self.num_images,
            "seed": self.seed,
            "num_inference_steps": self.steps,
            "guidance_scale": self.guidance_scale,
            "sampler": self.sampler,
            "cache_interval": self.cache_interval,
            "accelerate": bool(self.accelerate),
            "best_of": 1 if self.best_of is None else self.best_of,
            "width": width,
            "height": height,
        }


@dataclass(frozen=True)
class Output(Group):
    """Where pictures go and what is printed."""

    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="OUT", help="A .png, numbered when there are several, or a folder.")
    ] = Path()
    overwrite: Overwrite = False
    explain: Annotated[bool, typer.Option("--explain", help="Print the plan without running it.")] = False
    json: Json = False

    def target(self, seed: int) -> Path:
        """The name of the picture; in a folder it is made from the seed."""
        return self.out / f"misen-{seed}.png" if self.out.is_dir() else self.out


def sides(size: str) -> tuple[int, int]:
    """Width and height of ``WxH``, or of ``N`` for a square."""
    if not (found := re.fullmatch(r"(\d{1,9})(?:x(\d{1,9}))?", size)):
        raise InputError(f"--size must be N or WxH in pixels, got {size!r}", field="size", hint="for example 256")
    return int(found[1]), int(found[2] or found[1])


def refuse_together(first: str, others: Mapping[str, Any], hint: str) -> None:
    """Refuse an option beside others that contradict it."""
    if others:
        named = ", ".join(f"--{name.replace('_', '-')}" for name in others)
        raise InputError(f"{first} cannot be combined with {named}", field=first.lstrip("-"), hint=hint)
