from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from misen.perception.grading import grade_joint, grade_observer
from misen.perception.reading import Reading
from misen.scene.language import Caption, Mention
from misen.scene.truth import Truth


@pytest.fixture
def frontal(truth: Truth) -> Truth:
    truth.record.camera[:, 0] *= 0.3
    return truth


def test_an_infallible_observer_is_graded_perfect(frontal: Truth, perfect: Callable[[Truth], Reading]):
    def observe(images: torch.Tensor) -> Reading:
        return perfect(frontal)

    figures = {name: figure.value for name, figure in grade_observer(observe, [frontal], torch.clone).items()}
    errors = {"landmarks", "yaw", "pitch", "roll", "expression"}
    assert all(figures[name] == pytest.approx(0, abs=1e-3) for name in errors), figures
    assert all(value == pytest.approx(1, abs=1e-5) for name, value in figures.items() if name not in errors), figures


def test_a_shuffled_observer_is_not(frontal: Truth, perfect: Callable[[Truth], Reading]):
    order = torch.arange(12).roll(1)

    def observe(images: torch.Tensor) -> Reading:
        return perfect(frontal[order])

    figures = grade_observer(observe, [frontal], torch.clone)
    assert figures["attributes"].value < 0.5
    assert figures["segmentation"].value < 0.2
    assert figures["landmarks"].value > 10


class Oracle:
    """Knows one number of each picture and each sentence, and places both on a circle."""

    def image(self, images: torch.Tensor) -> torch.Tensor:
        return self._place(images[:, 0, 0, 0])

    def text(self, sentences: list[str]) -> torch.Tensor:
        return self._place(torch.tensor([float(sentence) for sentence in sentences]))

    def _place(self, number: torch.Tensor) -> torch.Tensor:
        return torch.stack([number.cos(), number.sin()], dim=1)


def test_retrieval_counts_only_false_pictures_as_distractors(truth: Truth):
    truth.record.attributes[:, 4] = torch.arange(12) % 2
    truth.observation.attributes_visible[:] = True
    numbers = (torch.arange(12) % 2).float()
    truth.observation.image[:, 0, 0, 0] = numbers
    claims = [Mention("glasses", "none"), Mention("glasses", "round")]
    captions = [Caption(str(float(n)), (claims[int(n)],)) for n in numbers]
    wrong = [Caption(str(1 - float(n)), (claims[int(n)],)) for n in numbers]
    figures = grade_joint(Oracle(), [truth], {"right": captions, "wrong": wrong})
    assert figures["right.r@1"].value == 1
    assert figures["wrong.r@5"].value == 0
