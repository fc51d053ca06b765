"""Maps of parts: ids, published colors, sizes, and what is unknown."""

from __future__ import annotations

import base64
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from misen.core.errors import InputError
from misen.core.view import View
from misen.modalities.segmentation.energy import SegmentationEnergy
from misen.modalities.segmentation.judge import SegmentationJudge
from misen.modalities.segmentation.signal import PALETTE, TOLERANCE, Segmentation
from misen.scene.anatomy import CLASSES

COLORS = np.array([[int(code[i : i + 2], 16) for i in (1, 3, 5)] for code in PALETTE], dtype=np.uint8)


@pytest.fixture
def labels(truth) -> np.ndarray:
    return truth.observation.segmentation[0].numpy()


def test_the_palette_tells_classes_apart() -> None:
    assert len(PALETTE) == len(CLASSES)
    distance = np.abs(COLORS[:, None].astype(int) - COLORS).max(2)
    assert distance[~np.eye(len(CLASSES), dtype=bool)].min() > 2 * TOLERANCE


def test_ids_colors_and_palettes_mean_the_same(labels: np.ndarray) -> None:
    grey = Image.fromarray(labels)
    colored = Image.fromarray(COLORS[labels])
    indexed = Image.fromarray(labels)
    indexed.putpalette([5] * 768)
    reordered = colored.quantize(32, dither=Image.Dither.NONE)
    for picture in (grey, colored, colored.convert("RGBA"), indexed, reordered):
        assert np.array_equal(Segmentation(picture).labels[0].numpy(), labels), picture.mode


def test_colors_may_be_slightly_off(labels: np.ndarray) -> None:
    noisy = COLORS[labels].astype(int) + np.random.default_rng(0).integers(-TOLERANCE, TOLERANCE + 1, (64, 64, 3))
    assert np.array_equal(Segmentation(noisy.clip(0, 255).astype(np.uint8)).labels[0].numpy(), labels)


def test_a_file_opens_as_an_option_does(tmp_path: Path, labels: np.ndarray) -> None:
    Image.fromarray(labels).save(tmp_path / "map.png")
    assert torch.equal(Segmentation.parse(str(tmp_path / "map.png")).labels, Segmentation(labels).labels)


def test_unknown_ids_are_named_with_their_pixels() -> None:
    wrong = np.zeros((64, 64), np.uint8)
    wrong[:2, :3], wrong[10, 10] = 20, 99
    with pytest.raises(InputError) as caught:
        Segmentation(wrong)
    assert "unknown class ids: 20 (6 pixels), 99 (1 pixels)" in str(caught.value)
    assert "0 background, 1 skin" in caught.value.hint


def test_unknown_colors_are_named_with_their_pixels() -> None:
    wrong = np.full((8, 8, 3), COLORS[0], np.uint8)
    wrong[0, :5] = (255, 0, 255)
    with pytest.raises(InputError) as caught:
        Segmentation(wrong)
    assert "#ff00ff (5 pixels)" in str(caught.value)
    assert "hair #8a5a2b" in caught.value.hint


@pytest.mark.parametrize("wrong", [torch.zeros(1, 8, 8), torch.full((1, 8, 8), -1), torch.zeros(1, 0, 0).long()])
def test_tensors_that_are_no_maps_are_refused(wrong: torch.Tensor) -> None:
    with pytest.raises(InputError):
        Segmentation(wrong)


def test_sizes_change_without_inventing_classes(labels: np.ndarray) -> None:
    large = np.kron(labels, np.ones((4, 4), np.uint8))
    assert np.array_equal(Segmentation(large).labels[0].numpy(), labels)
    wide = Segmentation(np.full((32, 64), 1, np.uint8)).labels[0]
    assert wide[:16].eq(0).all()
    assert wide[16:48].eq(1).all()


def test_json_is_a_picture_anyone_can_look_at(labels: np.ndarray) -> None:
    picture = Image.open(BytesIO(base64.b64decode(Segmentation(labels).to_json()[0]["png"])))
    assert np.array_equal(np.asarray(picture.convert("RGB")), COLORS[labels])


def test_judge_averages_over_classes_present() -> None:
    wanted = torch.zeros(1, 64, 64, dtype=torch.uint8)
    wanted[:, 32:] = 1
    seen = torch.zeros(1, len(CLASSES), 64, 64)
    seen[:, 0] = 1  # background everywhere
    judge = SegmentationJudge(lambda images: SimpleNamespace(segmentation=seen))
    score = judge.score(seen[:, :3], Segmentation(wanted))
    assert score.item() == pytest.approx((0.5 + 0.0) / 2)


def test_a_map_that_is_seen_as_well_as_in_true_pictures_is_left_alone(labels: np.ndarray) -> None:
    signal = Segmentation(torch.from_numpy(labels.astype(np.int64)))
    wanted = torch.nn.functional.one_hot(signal.labels.long(), len(CLASSES)).movedim(-1, 1).float()

    def seen(certainty: float) -> tuple[float, float]:
        """The energy of a map seen with a certainty, and the size of its gradient."""
        logits = (certainty * wanted).requires_grad_()
        view = View(torch.zeros(1, 3, 64, 64))
        value = SegmentationEnergy(lambda images: SimpleNamespace(segmentation=logits)).begin(signal, view)(view)
        return value.item(), float(torch.autograd.grad(value.sum(), logits)[0].abs().sum())

    assert seen(20.0) == seen(8.0) == (0.0, 0.0)
    vague, slope = seen(2.0)
    assert vague > 0.5
    assert slope > 0
