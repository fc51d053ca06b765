"""Inversion over a folder: each picture with its own wish, and figures that say what they compare."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from PIL import Image

from misen.app.evaluate import evaluate_inversion
from misen.core.errors import ConfigError, InputError
from misen.core.image import to_bytes
from misen.inversion import Fidelity
from misen.metrics.rows import Work

COUNT = 3


class Blurring:
    """Stands for a model that rebuilds pictures a little darker."""

    size, name = 64, "blurring"
    opened = SimpleNamespace(sha256="ab" * 32)

    def __init__(self) -> None:
        self.asked: list[tuple] = []

    def invert(self, image, *wishes, **settings) -> SimpleNamespace:
        self.asked.append(([line for wish in wishes for line in wish.signal.describe()], settings))
        figure = torch.full((1,), float(len(self.asked)), dtype=torch.float64)
        return SimpleNamespace(
            inversion=SimpleNamespace(images=image[None] - 0.02, fidelity=Fidelity(figure, figure + 30, figure + 10)),
            method=settings["method"],
            recipe=SimpleNamespace(guidance_scale=5.0),
            steps=settings["num_inference_steps"],
            seconds=0.5,
        )


@pytest.fixture
def folder(truth, tmp_path: Path) -> Path:
    lines = []
    for index, pixels in enumerate(to_bytes(truth.observation.image[:COUNT]).numpy()):
        Image.fromarray(pixels).save(tmp_path / f"{index}.png")
        lines.append(json.dumps({"file_name": f"{index}.png", "text": f"a man, number {index}"}))
    Image.new("RGB", (64, 64)).save(tmp_path / "0-preview.png")
    (tmp_path / "metadata.jsonl").write_text("\n".join(lines))
    return tmp_path


def test_each_picture_is_inverted_under_its_own_wish(folder: Path, grader) -> None:
    model, heard = Blurring(), []
    report = evaluate_inversion(
        model, folder, method="null-text", modalities=("text",), guidance_scale=5.0, num_inference_steps=7,
        grader=grader, watch=lambda done, n: heard.append((done, n)),
    )  # fmt: skip
    assert [wishes for wishes, _ in model.asked] == [[f"a man, number {index}"] for index in range(COUNT)]
    assert model.asked[0][1] == {"method": "null-text", "num_inference_steps": 7, "guidance_scale": 5.0}
    assert heard == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert (report.n, report.model, report.method, report.wish) == (COUNT, "blurring", "null-text", "text")
    assert report.psnr == pytest.approx(40, abs=1e-3)  # 2 / 0.02
    assert (report.psnr_codec, report.psnr_ceiling, report.seconds_per_image) == (32, 12, 0.5)
    assert report.ci95["psnr_codec"][0] < 32 < report.ci95["psnr_codec"][1]
    assert {"ssim", "lpips_a", "identity", "steps", "guidance_scale"} < report.to_json().keys()


def test_a_measurement_goes_on_from_its_journal(folder: Path, grader, tmp_path: Path) -> None:
    model, how = Blurring(), {"method": "hybrid", "num_inference_steps": 3, "grader": grader}
    work = Work(journal=tmp_path / "rows.jsonl")
    first = evaluate_inversion(model, folder, **how, work=work)
    again = evaluate_inversion(model, folder, **how, work=work)
    assert len(model.asked) == COUNT
    assert again == first
    with pytest.raises(InputError, match="journal of another measurement: tune None, not '5'"):
        evaluate_inversion(model, folder, **how, tune=5, work=work)


def test_a_column_that_is_not_there_is_named(folder: Path, grader) -> None:
    with pytest.raises(ConfigError, match="no column called 'sketch'"):
        evaluate_inversion(Blurring(), folder, modalities=("sketch",), grader=grader)
