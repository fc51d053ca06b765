"""Whether what a caption claims is seen by the judge."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from misen.core.judge import Finding
from misen.modalities.text.claims import hear
from misen.modalities.text.signal import Text
from misen.perception.reading import Reading
from misen.perception.senses import JointEmbedding, Look, Senses
from misen.scene.attributes import ATTRIBUTES
from misen.scene.language.caption import Mention


class TextJudge:
    """Fraction of a prompt's claims that hold; a negated claim holds if the value is another one.

    The claims of words a person typed are those that the world's own vocabulary finds in them; a prompt without any
    scores NaN.
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
        return torch.tensor([_fraction(found) for found in self.findings(images, signal)], device=images.device)

    @torch.no_grad()
    def findings(self, images: Tensor, signal: Text) -> list[tuple[Finding, ...]]:
        """Per picture, one finding per claim of its prompt."""
        rows = zip(_words_seen(self.look(images)), signal.prompts, signal.claims, strict=True)
        return [
            tuple(_finding(claim, seen) for claim in (hear(prompt) if claims is None else claims))
            for seen, prompt, claims in rows
        ]

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


def _finding(claim: Mention, seen: dict[str, str]) -> Finding:
    wanted = f"not {claim.value}" if claim.negated else claim.value
    return Finding(claim.key, wanted, seen[claim.key], claim.holds(seen))


def _fraction(found: tuple[Finding, ...]) -> float:
    return sum(finding.right for finding in found) / len(found) if found else float("nan")


def build(judge: Senses) -> TextJudge:
    """The judge with its observer and its embedding."""
    return TextJudge(judge.observer(), judge.joint)
