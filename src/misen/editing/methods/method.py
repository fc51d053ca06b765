"""What a method of editing is: options, needs, what it holds on to, and where it begins."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Mapping, Sequence, Set
from dataclasses import asdict, dataclass, field, fields
from hashlib import sha256
from typing import ClassVar, Literal, Self, get_type_hints

import torch
from torch import Tensor

from misen.core.errors import InputError, brief, closest
from misen.core.generator import Generator, Sampler
from misen.core.guidance import Guidance
from misen.editing.attention_control import Networked
from misen.editing.canvas import Canvas
from misen.editing.memory import Learned, Memory
from misen.editing.methods.options import Abbreviates, Accepts, Value
from misen.synthesis import Constraint, Plan, Resume, Start

Need = Literal["picture", "mask", "words"]
"""What a person may give besides options."""
WAY_BACK = 50
"""Steps of a walk that is taken back, unless somebody says otherwise; few steps cannot be reversed well."""

COSTS = frozenset({"evaluations", "gradients", "besides"})
"""Fields of a plan that decide nothing."""


@dataclass(frozen=True, kw_only=True)
class Edit:
    """One edit as a method sees it.

    Attributes:
        generator: answers where the picture is going.
        sampler: moves the states.
        plan: what guides, and how; holds what the method asked to be known.
        canvas: the picture, at the generator's size, and its mask.
        strength: how much of the walk is wanted, in [0, 1].
        kept: what a state file holds of the picture's inversion; nothing if there was none.
        memory: of what the model learned for the edit before.
    """

    generator: Generator
    sampler: Sampler
    plan: Plan
    canvas: Canvas
    strength: float
    kept: Mapping[str, Tensor] = field(default_factory=dict, repr=False)
    memory: Memory = field(default_factory=Memory, repr=False)

    @property
    def device(self) -> torch.device:
        """Where the generator computes, as far as it shows its network."""
        if not isinstance(self.generator, Networked):
            return torch.device("cpu")
        return next(self.generator.network.parameters()).device

    def learned(self, learn: Callable[[], Learned], *how: Hashable) -> Learned:
        """What ``learn`` learns of the picture under the plan, whatever it costs, or learned before in this way."""
        image, plan = self.canvas.image, self.plan.to_json()
        walk = json.dumps({name: plan[name] for name in plan.keys() - COSTS}, sort_keys=True)
        digest = sha256(image.contiguous().numpy().data).hexdigest()
        return self.memory.recall((digest, tuple(image.shape), walk, *how), learn)


@dataclass(frozen=True)
class Beginning:
    """What the walk of an edit begins with.

    Attributes:
        generator: the generator, or one wrapped around it that answers differently.
        start: the picture or the state to begin from; None to begin from noise.
    """

    generator: Generator
    start: Start | Resume | None


@dataclass(frozen=True)
class Method:
    """A way to change a picture; the fields of a subclass are its options, each annotated with what it accepts.

    Attributes:
        name: on the command line and in recipes.
        needs: what must be given; a mask that is not among them is refused.
        usual_strength: the strength of an edit for which none is given.
    """

    name: ClassVar[str]
    needs: ClassVar[frozenset[Need]] = frozenset({"picture"})
    usual_strength: ClassVar[float] = 1.0

    def __post_init__(self) -> None:
        for option, accepted in self._accepted().items():
            try:
                object.__setattr__(self, option, accepted.read(getattr(self, option)))
            except ValueError as error:
                raise InputError(f"{option} of method {self.name} must be {error}", field="method") from None

    def __str__(self) -> str:
        options = ",".join(f"{option}={self._told(option, accepted)}" for option, accepted in self._accepted().items())
        return f"{self.name}:{options}" if options else self.name

    @classmethod
    def _accepted(cls) -> dict[str, Accepts]:
        """What each option accepts, by its name."""
        hints = get_type_hints(cls, include_extras=True)
        return {option.name: hints[option.name].__metadata__[0] for option in fields(cls)}

    def _told(self, option: str, accepted: Accepts) -> str:
        """The value of an option for a person to read."""
        value = getattr(self, option)
        return accepted.abbreviate(value) if isinstance(accepted, Abbreviates) else str(value)

    @classmethod
    def of(cls, options: Mapping[str, object]) -> Self:
        """The method with some of its options given, as numbers or as text; raises ``InputError``."""
        accepted = [field.name for field in fields(cls)]
        for unknown in (name for name in options if name not in accepted):
            hint = closest(unknown, accepted) if accepted else "it has none"
            raise InputError(f"method {cls.name} has no option {brief(unknown)}", field="method", hint=hint)
        return cls(**options)

    def options(self) -> dict[str, Value]:
        """All options with their values, as a recipe keeps them."""
        return asdict(self)

    @property
    def way_back(self) -> int | None:
        """Steps of an edit for which no number is given, if the picture is walked back; None if it is not."""
        return None

    def check(self, given: Set[Need]) -> None:
        """Refuse what is missing, and a mask that would be of no use."""
        hint = "or leave the method out"
        for missing in sorted(self.needs - given):
            article = "" if missing == "words" else "a "
            raise InputError(f"method {self.name} needs {article}{missing}", field="method", hint=hint)
        if "mask" in given - self.needs:
            raise InputError(f"method {self.name} cannot be combined with a mask", field="method", hint=hint)

    def heard(self, guidances: Sequence[Guidance], canvas: Canvas) -> Sequence[Guidance]:
        """The wishes as the plan hears them, one for one; for the plan, so it computes nothing."""
        return guidances

    def known(self, canvas: Canvas) -> Constraint | None:
        """What is forced during the walk and in the end; for the plan, so it computes nothing."""
        return None

    def besides(self, edit: Edit) -> Mapping[str, int]:
        """Estimated network evaluations per picture that are no part of the walk, by what they are for."""
        return {}

    def begin(self, edit: Edit) -> Beginning:
        """Where the walk begins and who answers; may invert the picture, or wrap or tune a copy of the generator.

        Unless a method says otherwise: the picture with noise on it, as much as the strength asks for.
        """
        return Beginning(edit.generator, edit.canvas.start(edit.strength))
