"""What a family must offer: a generator that estimates, a sampler that steps, players that learn."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self, runtime_checkable

from torch import Tensor, nn

from misen.core.condition import Condition, Encoder
from misen.core.estimate import Estimate
from misen.core.execution import Execution
from misen.core.port import Port
from misen.core.seeding import Streams
from misen.core.shapes import Images, Masks, PerItem, Points, Scalar

State = Any
"""Whatever a family carries from step to step; opaque outside its folder."""


@dataclass(frozen=True)
class Level:
    """A sampler's position.

    Attributes:
        progress: fraction of the walk done, in [0, 1); windows of guidance refer to it.
        sigma: noise level now (0 for families without noise).
        next_sigma: noise level after the step.
    """

    progress: float
    sigma: float = 0.0
    next_sigma: float = 0.0


Predict = Callable[[State, Level], Estimate]
"""A generator with its conditions bound; guidance wraps this function, never the loop."""


@runtime_checkable
class Generator(Protocol):
    """Answers one question: where is this image going?"""

    ports: Mapping[str, Port]
    """Ports by name; by convention a port is named after the modality it serves."""

    size: int
    """Height and width of the pictures it makes, in pixels."""

    def start(self, batch: int, rng: Streams) -> State:
        """The state sampling begins from."""
        ...

    def predict(self, state: State, level: Level, conditions: Mapping[str, Condition]) -> Estimate:
        """The estimate under ``conditions`` (by port name); ports not named get their null condition."""
        ...

    def finish(self, state: State) -> Images:
        """The picture of a finished state, (B, 3, H, W) in [-1, 1]."""
        ...


Answer = Callable[[State, Level, Mapping[str, Condition]], Estimate]
"""What ``Generator.predict`` is."""


def answering(generator: Generator, predict: Answer, *, contrast: bool = True) -> Generator:
    """``generator`` with other answers; everything else, capabilities too, is its own.

    It is a shallow copy, since a protocol does not see what ``__getattr__`` would delegate from Python 3.12 on.

    Args:
        generator: whose answers are replaced.
        predict: the answers.
        contrast: whether guidance leads away from what the generator knows to be weaker, if it does; else from the new
            answer under no condition.
    """
    other: Any = copy.copy(generator)
    other.predict = predict
    if isinstance(generator, Joint):
        other.predict_jointly = lambda state, level, asked: [predict(state, level, given) for given in asked]
    if isinstance(generator, Contrasting) and not contrast:
        other.contrast = lambda state, level: None
    return other  # type: ignore[no-any-return]


@runtime_checkable
class Sampler(Protocol):
    """Moves a state along; owns the number of steps, since it depends on whether anything guides."""

    name: str

    def levels(self, *, guided: bool) -> Sequence[Level]:
        """The positions to visit, in order."""
        ...

    def step(self, state: State, level: Level, predict: Predict, rng: Streams) -> State:
        """One step."""
        ...


@runtime_checkable
class Particular(Protocol):
    """Capability: is walked by samplers of its own; others of its family make no sense of its estimates."""

    @property
    def samplers(self) -> Mapping[str, Callable[[int], Sampler]]:
        """From a number of steps to a sampler, by name."""
        ...


@runtime_checkable
class Startable(Protocol):
    """Capability: sampling can begin from a picture (image-to-image, inpainting, editing)."""

    def encode(self, image: Images) -> Points:
        """The point of the estimate's space that shows ``image`` (B, 3, H, W)."""
        ...

    def restart(self, point: Points, level: Level | None, rng: Streams) -> State:
        """The state at ``level`` on the way to ``point``; ``None`` is the end of the way."""
        ...


@runtime_checkable
class Projectable(Protocol):
    """Capability: a known part of the picture can be forced in the estimate's space."""

    def known(self, mask: Masks) -> Points:
        """(B, 1, H, W) with 1 = repaint, as a weight of the estimate's space: 1 = free, 0 = known."""
        ...


@runtime_checkable
class Rereading(Protocol):
    """Capability: reads some signals otherwise than other models do."""

    def own_encoders(self, usual: Mapping[str, Encoder]) -> Mapping[str, Encoder]:
        """Encoders by modality of what it reads otherwise, made from the ``usual`` ones."""
        ...


@runtime_checkable
class Nullable(Protocol):
    """Capability: what stands for "nothing is given" is itself a condition, which can be stated, and so replaced."""

    def null(self, batch: int) -> Mapping[str, Condition]:
        """That condition by port name; ``predict`` answers under it as it does under none."""
        ...


@runtime_checkable
class Centred(Protocol):
    """Capability: knows the mean of what it draws, from which the guidance scale counts where nothing is wished."""

    def typical(self, state: State) -> Points:
        """The mean of the points that may be drawn, (B, ...); a state's own point once that is no longer as drawn."""
        ...


@runtime_checkable
class Storable(Protocol):
    """Capability: a state on its way can be kept as tensors."""

    def pack(self, state: State) -> dict[str, Tensor]:
        """The tensors a state consists of, by name; what a sampler remembers of earlier steps is not kept."""
        ...

    def unpack(self, tensors: Mapping[str, Tensor]) -> State:
        """The state of tensors from ``pack``; raises ``ModelFileError`` for others."""
        ...


@runtime_checkable
class Gridded(Protocol):
    """Capability: points of the estimate's space are maps (B, C, h, w) over the picture, so coarse and fine differ."""

    stride: int
    """Pixels per cell, along each side."""


@runtime_checkable
class Sizable(Protocol):
    """Capability: makes pictures of other sizes than its own."""

    side_step: int
    """Width and height are multiples of it, in pixels."""

    def sized(self, height: int, width: int) -> Self:
        """The same generator, making pictures of that size."""
        ...


@runtime_checkable
class Repainting(Protocol):
    """Capability: was trained to repaint a part of a picture, and wants to see the rest."""

    def around(self, image: Images, mask: Masks) -> Self:
        """The same generator, seeing what of pictures (B, 3, H, W) the mask (B, 1, H, W), 1 = repaint, leaves."""
        ...


@runtime_checkable
class Opaque(Protocol):
    """Capability (of a kind): unfinished states cannot be decoded differentiably, so no energy can steer."""

    opaque: str
    """Why, as the end of a sentence that begins "the generator"."""


@runtime_checkable
class Precise(Protocol):
    """Capability: can work in float32 for a while, after a smaller format overflowed."""

    def full_precision(self) -> AbstractContextManager[Self]:
        """A context with a copy whose ``predict`` and ``finish`` compute in float32 inside; who is copied goes on."""
        ...


@runtime_checkable
class Reusing(Protocol):
    """Capability: a part of what the network makes for one prediction can serve the next ones, at a small loss."""

    def reusing(self, interval: int) -> Self:
        """The same generator for one walk, asking the whole network in one of ``interval`` predictions only.

        Raises:
            InputError: this network has no such part.
        """
        ...


@runtime_checkable
class Executable(Protocol):
    """Capability: its networks can be run in other ways, faster and not the same to the last bit."""

    def executed(self, execution: Execution) -> Self:
        """A copy whose networks are run that way, and which makes answers that are mixed in one pass.

        Raises:
            NotFoundError: what runs them that way is not installed.
        """
        ...


@runtime_checkable
class Joint(Protocol):
    """Capability: several questions about one state can be asked at once."""

    def predict_jointly(
        self, state: State, level: Level, asked: Sequence[Mapping[str, Condition]]
    ) -> Sequence[Estimate]:
        """The estimates under several sets of conditions, each as of ``predict``."""
        ...


@runtime_checkable
class Contrasting(Protocol):
    """Capability: knows something weaker, and leaves its mistakes behind where guidance leads away from it."""

    def contrast(self, state: State, level: Level) -> Estimate | None:
        """What the weaker one foresees under no condition; None where guidance leads away from its own answer."""
        ...


@runtime_checkable
class Annealing(Protocol):
    """Capability of a sampler that walks: how much of each energy's strength is left."""

    def anneal(self, level: Level) -> float:
        """A factor in [0, 1], falling to 0 at the end of the walk."""
        ...


@runtime_checkable
class Doubting(Protocol):
    """Capability of a sampler of noisy states: how far what is foreseen may be wrong, and so may be moved."""

    def doubt(self, level: Level) -> float:
        """Root mean square of that per coordinate: that of the data where all is noise, 0 where none is left."""
        ...


@runtime_checkable
class Staged(Protocol):
    """Capability of a sampler of higher order: asks for several predictions in one step."""

    stages: int
    """How many; 1 for samplers without this capability."""


@runtime_checkable
class Reversible(Protocol):
    """Capability of a sampler: its steps can be taken backwards and aimed, since nothing in them is random."""

    def reverse(self, state: State, level: Level, predict: Predict, guess: State) -> State:
        """Where the step at ``level`` that led to ``state`` began, judged by what is foreseen from ``guess``.

        If the answer is ``guess`` itself, the step from there leads to ``state`` exactly.
        """
        ...

    def aim(self, state: State, level: Level, goal: State) -> Points:
        """The point to be foreseen from ``state`` at ``level`` for the step to lead to ``goal``."""
        ...


@runtime_checkable
class Returning(Protocol):
    """Capability of a sampler: a step can be taken back into the noise, so that it may be taken again."""

    def back(self, state: State, level: Level, rng: Streams) -> State:
        """The state at ``level`` again, from the one that the step from there led to: noise anew, none of its own."""
        ...


@runtime_checkable
class Movable(Protocol):
    """Capability of a state: what the network reads is one tensor, at which gradients can be taken."""

    @property
    def value(self) -> Points:
        """(B, ...) of the shape of the estimate's points."""
        ...

    def at(self, value: Points) -> State:
        """The state with another tensor."""
        ...


@runtime_checkable
class Retunable(Protocol):
    """Capability: its network can be changed as a recipe has tuned another of the same weights."""

    def retuned(self, folder: Path, share: float) -> Self:
        """A copy that is changed by a share, in [0, 1], of what was learned and lies in a folder.

        Raises:
            NotFoundError: nothing lies there.
            ModelFileError: it was learned by another network.
        """
        ...


@runtime_checkable
class Repeatable(Movable, Protocol):
    """Capability of a state: that of one picture can serve several."""

    def repeat(self, count: int) -> State:
        """Each item ``count`` times in a row, with everything that a sampler remembers of it."""
        ...


@runtime_checkable
class Player(Protocol):
    """One side of a training game; likelihood models have one, a GAN has two."""

    name: str
    module: nn.Module
    """The parameters this player owns and updates."""

    def loss(self, batch: Mapping[str, Any], step: int) -> tuple[Scalar, Mapping[str, float]]:
        """The scalar to minimise on one batch, and figures worth logging. May draw from torch's global RNG."""
        ...


@runtime_checkable
class Trainable(Protocol):
    """Capability: can be trained."""

    def players(self) -> Iterator[Player]:
        """The players, in the order in which they move."""
        ...


@runtime_checkable
class Tunable(Protocol):
    """Capability: learns a few pictures by the loss it was trained with, whatever is left free to learn.

    What is free is a condition, some of the parameters of ``network``, or parameters that were put inside it.
    """

    @property
    def network(self) -> nn.Module:
        """What predicts."""
        ...

    def loss(self, point: Points, conditions: Mapping[str, Condition], rng: Streams) -> PerItem:
        """(B,) errors of one prediction each, differentiable in ``network`` and in the conditions.

        Args:
            point: what ought to be predicted, as ``Startable.encode`` makes it of pictures.
            conditions: by port name; ports not named get their null condition.
            rng: draws how hard each prediction is.
        """
        ...

    def twin(self) -> Self:
        """A copy with a network of its own, which shares everything else."""
        ...
