"""Project: force what is known of a picture, in the family's own space at every step and on the pixels in the end.

Source: Choi et al. 2021, ILVR (arXiv:2108.02938), algorithm 1, and Lugmayr et al. 2022, RePaint (arXiv:2201.09865),
section 4.1; deviations: what is known replaces a part of the clean estimate, not of the noisy state, so it serves
families without noise; the low-pass filter resizes bilinearly, and acts once more on the finished pixels, because the
grid of an estimate only approximates them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from misen.core.estimate import Estimate
from misen.core.generator import Generator, Gridded, Level, Predict, Projectable, Startable, State
from misen.core.image import stretch
from misen.core.seeding import Streams
from misen.core.shapes import Images, Maps, Points
from misen.synthesis.sharing import share

Force = Callable[[Points, Level], Points]
"""From the point of an estimate, and where the walk is, to the point that agrees with what is known."""

ROUNDS = 16
"""How often the finished pixels are corrected; each round takes them closer to the low-pass and back into range."""


@runtime_checkable
class Constraint(Protocol):
    """What is known of a picture."""

    def explain(self) -> str:
        """What is forced, in one line of a plan."""
        ...

    def to_json(self) -> dict[str, Any]:
        """The same for programs, without tensors."""
        ...

    def refusal(self, generator: Generator) -> str:
        """Why this generator cannot be forced, or "" when it can."""
        ...

    def spread(self, rng: Streams) -> Constraint:
        """The same with one item per picture; raises ``InputError`` when there are neither one nor as many."""
        ...

    def force(self, generator: Generator) -> Force:
        """What is done to each estimate of a generator that can be forced."""
        ...

    def finish(self, images: Images) -> Images:
        """What is done to the finished pictures."""
        ...


def project(predict: Predict, force: Force) -> Predict:
    """``predict`` with every estimate brought into agreement with what is known."""

    def projected(state: State, level: Level) -> Estimate:
        estimate = predict(state, level)
        guess = None if estimate.guess is None else force(estimate.guess, level)
        return replace(estimate, point=force(estimate.point, level), guess=guess)

    return projected


# --- a part of the picture -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Known:
    """The part of a picture that must stay.

    Attributes:
        image: (B, 3, H, W) or (1, 3, H, W) in [-1, 1].
        mask: (B, 1, H, W) or (1, 1, H, W) in [0, 1]; 1 = repaint, 0 = keep.
    """

    image: Float[Tensor, "pictures 3 height width"]
    mask: Float[Tensor, "masks 1 height width"]

    def explain(self) -> str:
        """What is forced, in one line of a plan."""
        return "inpainting: the kept part is forced at every step and composited in the end"

    def to_json(self) -> dict[str, Any]:
        """The same for programs."""
        return {"kind": "mask"}

    def refusal(self, generator: Generator) -> str:
        """Why this generator cannot keep a part, or ""."""
        able = isinstance(generator, Projectable) and isinstance(generator, Startable)
        return "" if able else "mask: this generator cannot force a known part of the picture"

    def spread(self, rng: Streams) -> Known:
        """One picture and one mask per seed."""
        return Known(share(self.image, rng, "image"), share(self.mask, rng, "mask"))

    def force(self, generator: Generator) -> Force:
        """``free * estimate + (1 - free) * picture``, with the mask as the generator's space has it."""
        assert isinstance(generator, Startable), "the planner refuses others"
        assert isinstance(generator, Projectable), "the planner refuses others"
        point, free = generator.encode(self.image), generator.known(self.mask)
        return lambda estimate, level: free * estimate + (1 - free) * point

    def finish(self, images: Images) -> Images:
        """The repainted picture over the known one."""
        return composite(images, self)


def composite(image: Images, known: Known) -> Images:
    """The repainted picture over the known one; where the mask is 0 the known pixels come back bit for bit."""
    blended = known.mask * image + (1 - known.mask) * known.image
    return torch.where(known.mask == 0, known.image, blended)


# --- what is coarse about it -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class LowPass:
    """A picture whose coarse parts must stay, while details are free.

    Attributes:
        image: (B, 3, H, W) or (1, 3, H, W) in [-1, 1].
        factor: what is coarser than this many pixels is forced; 2 keeps almost everything, the sides the mean color.
        until: the part of the walk in which it acts, in (0, 1]; at 1 the finished pixels are forced as well.
    """

    image: Images
    factor: int
    until: float = 1.0

    def explain(self) -> str:
        """What is forced, in one line of a plan."""
        time = "at every step and in the end" if self.until == 1 else f"until {self.until:g} of the walk"
        return f"low-pass: what is coarser than {self.factor} pixels is the picture's {time}"

    def to_json(self) -> dict[str, Any]:
        """The same for programs."""
        return {"kind": "low-pass", "factor": self.factor, "until": self.until}

    def refusal(self, generator: Generator) -> str:
        """Why this generator cannot keep what is coarse, or ""."""
        if not isinstance(generator, Startable) or not isinstance(generator, Gridded):
            return "low-pass: this generator does not foresee a grid over a picture it can begin from"
        least, most = 2 * generator.stride, min(self.image.shape[-2:])
        fits = least <= self.factor <= most
        return "" if fits else f"low-pass: the factor must be from {least} to {most} here, got {self.factor}"

    def spread(self, rng: Streams) -> LowPass:
        """One picture per seed."""
        return replace(self, image=share(self.image, rng, "image"))

    def force(self, generator: Generator) -> Force:
        """``estimate + phi(picture) - phi(estimate)``, with the low-pass ``phi`` on the grid of the estimate."""
        assert isinstance(generator, Startable), "the planner refuses others"
        assert isinstance(generator, Gridded), "the planner refuses others"
        point, cells = generator.encode(self.image), self.factor // generator.stride

        def forced(estimate: Points, level: Level) -> Points:
            return estimate + low_pass(point - estimate, cells) if level.progress < self.until else estimate

        return forced

    def finish(self, images: Images) -> Images:
        """The pictures with the coarse parts of the known one, as long as these are forced to the end."""
        for _ in range(ROUNDS if self.until == 1 else 0):
            images = (images + low_pass(self.image - images, self.factor)).clamp(-1, 1)
        return images


def low_pass(grid: Maps, factor: int) -> Maps:
    """(B, C, H, W) without what is finer than ``factor`` cells: shrunk by that factor, and back; linear in ``grid``.

    A side that is no multiple of ``factor`` keeps as many cells as come closest to that.
    """
    height, width = grid.shape[-2:]
    coarse = stretch(grid, *(max(round(side / factor), 1) for side in (height, width)))
    return stretch(coarse, height, width)
