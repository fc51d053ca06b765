"""Whether what a caption claims is seen by the judge."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from misen.modalities.text.signal import Claims, Text
from misen.perception.reading import Reading
from misen.perception.senses import JointEmbedding, Look, Senses
from misen.scene.attributes import ATTRIBUTES


class TextJudge:
    """Fraction of a prompt's claims that hold; a negated claim holds if the value is another one.

    A prompt whose claims are unknown, as of words a person typed, scores NaN.
    """

    metric = "fraction of mentioned visible attributes that are right"
    unit = ""
    higher_is_better = True

    def __init__(self, look: Look, joint: Callable[[], JointEmbedding]) -> None:
        """Look with the judging observer; ``joint`` opens the judging embedding when it is first needed."""
        self.look, self.joint = look, joint

    @torch.no_grad()
    def score(self, images: Tensor, signal: Text) -> Tensor:
        """(B,) fractions."""
        seen = _words_seen(self.look(images))
        return torch.tensor([_fraction(*pair) for pair in zip(seen, signal.claims, strict=True)], device=images.device)

    @torch.no_grad()
    def places(self, images: Tensor, signal: Text) -> tuple[Tensor, Tensor]:
        """(B, 128) unit vectors of B images and of B prompts; like lies near like."""
        joint = self.joint()
        return joint.image(images), joint.text(list(signal.prompts))


def _words_seen(reading: Reading) -> list[dict[str, str]]:
    """The likeliest value of every attribute, per picture."""
    columns = [reading.log_probability(column).argmax(1).tolist() for column in range(len(ATTRIBUTES))]
    rows = zip(*columns, strict=True)
    return [{a.key: a.values[i] for a, i in zip(ATTRIBUTES, row, strict=True)} for row in rows]


def _fraction(seen: dict[str, str], claims: Claims) -> float:
    return sum(claim.holds(seen) for claim in claims) / len(claims) if claims else float("nan")


def build(judge: Senses) -> TextJudge:
    """The judge with its observer and its embedding."""
    return TextJudge(judge.observer(), judge.joint)
