"""Parts that ship by themselves are stored once."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from misen.nn.weights import read_tensors, write
from misen.recipes.shipping import share


def test_equal_parts_become_links_and_others_stay(tmp_path: Path) -> None:
    own, other = nn.Linear(2, 3), nn.Linear(2, 3)
    write(own, tmp_path / "codec" / "model.safetensors")
    write(own, tmp_path / "family" / "model" / "part" / "weights.safetensors")
    write(other, tmp_path / "family" / "model" / "rest" / "weights.safetensors")
    share(tmp_path / "family" / "model", tmp_path)
    part, rest = (tmp_path / "family" / "model" / name / "weights.safetensors" for name in ("part", "rest"))
    assert part.is_symlink()
    assert not rest.is_symlink()
    assert not part.readlink().is_absolute()
    torch.testing.assert_close(read_tensors(part)["weight"].float(), own.weight.detach(), atol=1e-3, rtol=0)
