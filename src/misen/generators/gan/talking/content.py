"""Content: what is said at each frame, whoever says it, heard within a window of frames.

Source: Zhou et al. 2020, MakeItTalk (arXiv:2004.12992), section 3.1, for a content of speech apart from who speaks;
deviation: a narrow layer that has to fit any face, as it learns with faces drawn at random, instead of a network that
converts voices.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from misen.core.condition import Condition
from misen.core.shapes import Tokens
from misen.nn.temporal import DepthwiseTrack, FrameNorm, WindowAttention

REACH = 8
"""Frames to either side that count, as many as an audio moment has: four convolutions, and an attention."""
BLOCKS, LOOK = 2, 4
"""Convolutions before and behind the attention, one frame each to either side, and the frames it looks at."""


class Content(nn.Module):
    """Convolutions along time, attention within windows, and convolutions again.

    Args:
        heard: channels of what is heard of each frame.
        trunk: channels between.
        width: numbers of the content of a frame.
        heads: of the attention.
    """

    def __init__(self, heard: int, trunk: int, width: int, heads: int) -> None:
        super().__init__()
        self.entry = nn.Conv1d(heard, trunk, 1)
        self.before = nn.Sequential(*(DepthwiseTrack(trunk) for _ in range(BLOCKS)))
        self.attend = WindowAttention(trunk, heads, LOOK)
        self.after = nn.Sequential(*(DepthwiseTrack(trunk) for _ in range(BLOCKS)))
        self.exit = nn.Sequential(FrameNorm(trunk), nn.Conv1d(trunk, width, 1))

    def forward(self, heard: Tokens) -> Float[Tensor, "batch frames content"]:
        """(B, F + 16, heard) -> (B, F, width): the frames at the ends only surround those between."""
        x = self.entry(heard.mT.contiguous())
        said: Tensor = self.exit(self.after(self.attend(self.before(x))))
        return said[:, :, REACH:-REACH].mT.float()


def surroundings(condition: Condition) -> Tokens:
    """(B, 17, D) what is heard around the middle of each sound; nothing beyond its ends.

    Args:
        condition: tokens (B, L, D), one for each frame of a sound.
    """
    tokens, mask = condition.value, condition.mask
    middle = torch.full_like(condition.present, tokens.shape[1], dtype=torch.int64) if mask is None else mask.sum(1)
    around = torch.arange(2 * REACH + 1, device=tokens.device)
    padded = functional.pad(tokens, (0, 0, REACH, REACH))
    return padded[torch.arange(len(tokens), device=tokens.device)[:, None], middle[:, None] // 2 + around]
