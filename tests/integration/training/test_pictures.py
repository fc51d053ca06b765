"""Real pictures, drawn by nobody here, train a small model: line art in, the finished drawing out."""

import json

import torch
from torch import nn

from misen.data.pictures import PictureData
from misen.training import JsonLines, Trainer
from misen.training.config import parse_config

CONFIG = """
name = "emoji"
steps = 50
batch_size = 16
lr = 3e-3
warmup = 5
log_every = 5

[data]
split = "train"
columns = { text = "text", sketch = "line_file_name" }
"""


class Painter:
    """Predicts a small picture from its line art."""

    name = "painter"

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.module = nn.Sequential(
            nn.PixelUnshuffle(4), nn.Conv2d(16, 64, 3, padding=1), nn.SiLU(), nn.Conv2d(64, 48, 3, padding=1),
            nn.PixelShuffle(4),
        )  # fmt: skip

    def loss(self, batch, step):
        painted = self.module(batch["signals"]["sketch"].ink)
        return (painted - batch["image"]).square().mean(), {}


def test_fifty_steps_on_real_pictures(shared_data, tmp_path):
    config = parse_config(CONFIG, overrides=[f"data.folder={shared_data / 'fluent_emoji_128'}"])
    samples = config.section("data", PictureData).read(64, tmp_path)
    assert len(samples) == 1405
    assert len(samples.signals["text"]) == 1405
    batches = samples.batches(config.batch_size, config.seed)
    log = tmp_path / "log.jsonl"
    outcome = Trainer([Painter()], batches, config, folder=tmp_path, callbacks=[JsonLines(log)]).run()
    losses = [json.loads(line)["painter.loss"] for line in log.read_text().splitlines()]
    assert outcome.step == 50
    assert losses[-1] < 0.5 * losses[0]
