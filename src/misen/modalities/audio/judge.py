"""Whether the mouth that the judge sees opens and closes as the sound says."""

from __future__ import annotations

import torch
from torch import Tensor

from misen.modalities.audio.signal import Audio
from misen.perception.heard import Listen
from misen.perception.senses import Ears, Look
from misen.scene.anatomy import EXPRESSION_AXES

JAW = EXPRESSION_AXES.index("jaw open")
STILL = 1e-4
"""Variance below which a mouth does not move."""


class AudioJudge:
    """Correlation, over the frames of a clip, of how far the jaw is open and how far it should be.

    How far it should be is the truth where it is known, and otherwise what the judge hears. A sound that asks for no
    movement, and a picture by itself, cannot be judged: NaN. A mouth that does not move where it should scores 0.
    """

    metric = "correlation of mouth openness"
    unit = ""
    higher_is_better = True

    def __init__(self, look: Look, listen: Listen) -> None:
        """Look with the judging observer, and listen with the judging network."""
        self.look, self.listen = look, listen

    @torch.no_grad()
    def score(self, images: Tensor, signal: Audio) -> Tensor:
        """(B,) correlations of B clips (B * F, 3, H, W), clip-major."""
        seen = self.look(images).expression[:, JAW].unflatten(0, (len(signal), -1))
        frames = seen.shape[1]
        known = signal.openness[:, :frames]
        wanted = torch.where(known.isnan(), self.listen(signal.waveform).openness[:, :frames], known)
        lasting = torch.arange(frames, device=seen.device) < signal.frames[:, None]
        return _correlation(seen, wanted, lasting)


def _correlation(seen: Tensor, wanted: Tensor, counts: Tensor) -> Tensor:
    """(B,) over the frames that count, (B, F) each."""
    total = counts.sum(1)
    seen, wanted = (((track - _mean(track, counts, total)) * counts) for track in (seen, wanted))
    variances = [track.square().sum(1) / total for track in (seen, wanted)]
    found = (seen * wanted).sum(1) / total / (variances[0] * variances[1]).sqrt()
    moved = torch.where(variances[0] < STILL, 0.0, found)
    return torch.where(variances[1] < STILL, torch.nan, moved)


def _mean(track: Tensor, counts: Tensor, total: Tensor) -> Tensor:
    return ((track * counts).sum(1) / total)[:, None]


def build(judge: Ears) -> AudioJudge:
    """The judge with its observer and its ears."""
    return AudioJudge(judge.observer(), judge.hearing())
