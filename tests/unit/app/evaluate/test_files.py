"""Folders of pictures and reconstructions, from both sides."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from misen.app.evaluate import evaluate_folders, evaluate_reconstruction
from misen.core.errors import FormatError, InputError, NotFoundError
from misen.core.image import to_bytes
from unit.app.evaluate.conftest import COUNT, Renderer


@pytest.fixture(scope="module")
def folder(truth, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("renders")
    for index, pixels in enumerate(to_bytes(truth.observation.image).numpy()):
        Image.fromarray(pixels).save(path / f"{index:03d}.png")
    (path / "notes.txt").write_text("not a picture")
    return path


def test_a_folder_is_like_itself(folder: Path, grader) -> None:
    report = evaluate_folders(folder, folder, grader=grader)
    assert (report.real, report.fake) == (COUNT, COUNT)
    assert abs(report.frechet_inception_distance_a) < 1e-3
    assert report.sliced_wasserstein_distance == 0
    assert report.precision_a == report.recall_a == report.f_score_a == 1
    assert "frechet_inception_distance_a" in report.ci95


def test_noise_is_unlike_renders(folder: Path, grader, tmp_path: Path) -> None:
    for index in range(COUNT):
        Image.effect_noise((80, 80), 5 + 10 * index).save(tmp_path / f"{index}.png")
    report = evaluate_folders(folder, tmp_path, grader=grader)
    assert report.ci95["frechet_inception_distance_a"][0] > 1
    assert report.sliced_wasserstein_distance > 50
    assert report.inception_score_a_mean >= 1


def test_reconstructions(folder: Path, grader, truth) -> None:
    exact = evaluate_reconstruction(Renderer(truth), folder, grader=grader)
    assert (exact.n, exact.model, exact.ssim, exact.lpips_a) == (COUNT, "renderer", pytest.approx(1), 0)
    assert exact.identity == pytest.approx(1)
    assert exact.to_json()["psnr"] is None  # infinite
    other = evaluate_reconstruction(Renderer(truth, shift=1), folder, grader=grader)
    assert other.psnr < 25
    assert other.ssim < 0.9
    assert other.ci95["lpips_a"][0] > 0
    assert other.identity < 0.5


def test_what_cannot_be_measured_is_said(folder: Path, grader, truth, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no folder"):
        evaluate_folders(folder, tmp_path / "missing", grader=grader)
    with pytest.raises(InputError, match="holds 0 pictures"):
        evaluate_folders(folder, tmp_path, grader=grader)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with pytest.raises(FormatError, match=r"broken\.png"):
        evaluate_reconstruction(Renderer(truth), tmp_path, grader=grader)
