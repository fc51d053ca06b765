"""Motion: what stands between what is heard and what is shown. Points of the face, its coefficients, or a free code.

Source: Chen et al. 2019, ATVG (arXiv:1905.03820), section 3.1, and Zhou et al. 2020, MakeItTalk (arXiv:2004.12992),
section 3, for points between sound and picture; Thies et al. 2020, neural voice puppetry (arXiv:1912.05566), section 4,
for expression coefficients of a 3DMM; Prajwal et al. 2020, Wav2Lip (arXiv:2008.10010), section 3, for nothing that has
a name; deviation: the 3DMM is the world's own, and points are moved from where they are in the given picture.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import ClassVar, Literal

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from misen.core.shapes import Maps, Vectors
from misen.generators.gan.talking.face import MOUTH, POINTS, READ, Face

Kind = Literal["points", "coefficients", "code"]
Lesson = Literal["points", "mouth"]
Contents = Float[Tensor, "batch frames content"]
Motions = Float[Tensor, "batch frames numbers"]
STEP = 0.05
"""Widths of the picture that a point moves when the layer before says 1."""


class Motion(nn.Module, ABC):
    """One kind of motion.

    Attributes:
        lesson: what the world knows of it, which its network can be taught without pictures.
        unit: of the lesson, in which errors are counted.
        named: whether the motion itself is that; else it is what those who paint make of it.
        numbers: of a motion.
        channels: of the maps that show a motion to those who paint.
    """

    lesson: ClassVar[Lesson]
    unit: ClassVar[float]
    named: ClassVar[bool] = True
    numbers: int
    channels: int

    @abstractmethod
    def forward(self, content: Contents, face: Face) -> Motions:
        """(B, F, numbers) of what B faces say, (B, F, content)."""

    def told(self, content: Contents, face: Face) -> Motions:
        """(B, F, ...) the lesson, as it is understood."""
        understood: Tensor = self(content, face)
        return understood

    @abstractmethod
    def rest(self, face: Face) -> Vectors:
        """(B, numbers) the motion of faces that stay as they are."""

    @abstractmethod
    def maps(self, motion: Vectors, face: Face) -> Maps:
        """(B, channels, S, S) a motion (B, numbers) as maps over the picture of its face."""


class PointMotion(Motion):
    """Where the points of the face are: the face tells how far what is said moves each of them.

    Args:
        content: numbers of the content.
        speaker: width of the layers in which both meet.
    """

    lesson, unit = "points", 1 / 64

    def __init__(self, content: int, speaker: int) -> None:
        super().__init__()
        self.numbers, self.channels = 2 * POINTS, POINTS
        self.gather = nn.Linear(content, speaker)
        self.speaker = nn.Sequential(nn.Linear(READ, speaker), nn.SiLU(), nn.Linear(speaker, 2 * speaker))
        self.move = nn.Sequential(nn.Linear(speaker, speaker), nn.SiLU(), nn.Linear(speaker, self.numbers))

    def forward(self, content: Contents, face: Face) -> Motions:
        """(B, F, 64) x and y of each point in [0, 1]."""
        scale, shift = self.speaker(face.findings())[:, None].chunk(2, dim=2)
        met = functional.silu(self.gather(content) * (1 + scale) + shift)
        steps: Tensor = self.move(met)
        return self.rest(face)[:, None] + STEP * steps.float()

    def rest(self, face: Face) -> Vectors:
        """Where they are."""
        return face.points.flatten(1)

    def maps(self, motion: Vectors, face: Face) -> Maps:
        """A map of each point."""
        return face.heat(motion.unflatten(1, (POINTS, 2)))


class CoefficientMotion(Motion):
    """What the mouth does, along ``scene.speech.MOUTH_AXES``; any face does it in its own way."""

    lesson, unit = "mouth", 0.1

    def __init__(self, content: int) -> None:
        """``content`` counts the numbers of the content."""
        super().__init__()
        self.numbers = self.channels = MOUTH
        self.read = nn.Linear(content, MOUTH)

    def forward(self, content: Contents, face: Face) -> Motions:
        """(B, F, 3) in [0, 1]."""
        read: Tensor = self.read(content)
        return read.float().sigmoid()

    def rest(self, face: Face) -> Vectors:
        """What it does."""
        return face.mouth

    def maps(self, motion: Vectors, face: Face) -> Maps:
        """The same numbers everywhere."""
        return motion[:, :, None, None].expand(-1, -1, *face.picture.shape[2:])


class CodeMotion(CoefficientMotion):
    """The content itself, of which painting makes what it needs; it is only taught to tell what the mouth does."""

    named = False

    def __init__(self, content: int) -> None:
        """``content`` counts the numbers of the content."""
        super().__init__(content)
        self.numbers = self.channels = content

    def forward(self, content: Contents, face: Face) -> Motions:
        """(B, F, content)."""
        return content

    def told(self, content: Contents, face: Face) -> Motions:
        """(B, F, 3) in [0, 1], what the mouth does."""
        return super().forward(content, face)

    def rest(self, face: Face) -> Vectors:
        """Nothing is said."""
        return face.mouth.new_zeros(len(face.mouth), self.numbers)


MOTIONS: Mapping[Kind, Callable[[int, int], Motion]] = {
    "points": PointMotion,
    "coefficients": lambda content, speaker: CoefficientMotion(content),
    "code": lambda content, speaker: CodeMotion(content),
}
"""From the numbers of a content, and the width in which a face is thought of, to a motion, by kind."""
