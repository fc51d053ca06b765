"""The talking network: what is heard becomes a motion, and SPADE paints the face in that motion over its picture.

Source: Park et al. 2019 (arXiv:1903.07291) for the painter, the same as that of maps; Chen et al. 2019, ATVG
(arXiv:1905.03820), section 3.2, for a share that tells at each pixel how much is painted anew, and leaves the rest of
the picture as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from misen.core.condition import Condition
from misen.core.shapes import Images, Tokens, Vectors
from misen.generators.gan.talking.content import Content
from misen.generators.gan.talking.face import CHANNELS, Face
from misen.generators.gan.talking.motion import MOTIONS, Kind
from misen.generators.gan.translation.field import Conditions, MapField
from misen.generators.gan.translation.spade import START, SpadeDecoder


@dataclass(frozen=True)
class TalkingSettings:
    """Size and shape.

    Attributes:
        motion: what stands between sound and picture.
        trunk: channels along time.
        heads: of the attention along time.
        content: numbers of what is said at a frame.
        speaker: width of the layers in which points meet what is said.
        widths: channels of the painter at 4, 8, 16, ... cells per side; pictures are twice as large as the last.
        hidden: channels inside each modulation.
        field: channels in which the painter sees face and motion.
    """

    motion: Kind = "code"
    trunk: int = 128
    heads: int = 4
    content: int = 24
    speaker: int = 64
    widths: Sequence[int] = (96, 80, 56, 32)
    hidden: int = 24
    field: int = 32

    @property
    def side(self) -> int:
        """Cells of the field along each side."""
        return int(START * 2 ** (len(self.widths) - 1))

    @property
    def size(self) -> int:
        """Height and width of the pictures, in pixels."""
        return 2 * self.side


class TalkingNetwork(nn.Module):
    """What is heard of frames, and a face -> pictures, by way of a motion.

    Args:
        settings: size and shape.
        heard: numbers that are heard of each frame.
    """

    def __init__(self, settings: TalkingSettings, heard: int) -> None:
        super().__init__()
        self.settings = settings
        self.content = Content(heard, settings.trunk, settings.content, settings.heads)
        self.motion = MOTIONS[settings.motion](settings.content, settings.speaker)
        self.widths = {"face": CHANNELS, "motion": self.motion.channels}
        self.field = MapField(self.widths, settings.field, settings.side)
        self.decoder = SpadeDecoder(self.motion.numbers, settings.field, settings.widths, settings.hidden, outputs=4)

    def forward(self, heard: Tokens, face: Face) -> Float[Tensor, "pictures 3 height width"]:
        """(B * F, 3, S, S), clip-major, of B faces and what is heard, (B, F + 16, heard)."""
        motion = self.hear(heard, face)
        return self.paint(motion.flatten(0, 1), face.repeat(motion.shape[1]))

    def hear(self, heard: Tokens, face: Face) -> Float[Tensor, "batch frames numbers"]:
        """(B, F, numbers) the motion of B faces at all frames but the 8 at either end."""
        moved: Tensor = self.motion(self.content(heard), face)
        return moved

    def paint(self, motion: Vectors, face: Face) -> Images:
        """(B, 3, S, S) in [-1, 1] of faces in a motion (B, numbers)."""
        return self.painted(motion, self.guides(motion, face), face)

    def guides(self, motion: Vectors, face: Face) -> Conditions:
        """Face and motion as maps, by name."""
        maps = {"face": face.maps(), "motion": self.motion.maps(motion, face)}
        return {name: Condition.full("map", map_) for name, map_ in maps.items()}

    def painted(self, motion: Vectors, guides: Conditions, face: Face) -> Images:
        """The same, where the maps are known."""
        field, _ = self.field(guides, len(motion))
        anew, share = self.decoder(motion, field).float().split([3, 1], dim=1)
        return torch.lerp(face.picture, anew, (1 + share) / 2)
