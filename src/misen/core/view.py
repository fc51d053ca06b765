"""What an energy or a judge may look at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from misen.core.seeding import Streams
from misen.core.shapes import Images, Maps


@dataclass(frozen=True)
class View:
    """A decoded estimate.

    Attributes:
        image: (B, 3, H, W) in [-1, 1]; clips are (B * F, 3, H, W), clip-major.
        camera: (B, 5) yaw, pitch, roll in radians, distance, focal length; None for families without one.
        frames: F, 1 for stills.
        level: progress of the sampler in [0, 1].
        rng: randomness for augmentations, one stream per image.
        features: (B, C, h, w) generator features by layer name, for energies that track points.
    """

    image: Images
    camera: Float[Tensor, "views 5"] | None = None
    frames: int = 1
    level: float = 1.0
    rng: Streams | None = None
    features: Callable[[str], Maps] | None = None
