from __future__ import annotations

import torch

from misen.core.generator import Level
from misen.core.seeding import Streams
from misen.synthesis.project import Known, composite, project
from toys import ToyDiffusion


def test_project_forces_the_known_part_and_nothing_else():
    generator = ToyDiffusion()
    state, free = generator.start(1, Streams([0])), torch.zeros(1, 1, 8, 8)
    free[..., :4] = 1
    known = torch.full((1, 3, 8, 8), 0.25)
    predict = project(lambda s, level: generator.predict(s, level, {}), known, free)
    point, alone = predict(state, Level(0, 1.0)).point, generator.predict(state, Level(0, 1.0), {}).point
    assert torch.equal(point[..., 4:], known[..., 4:])
    assert torch.equal(point[..., :4], alone[..., :4])


def test_composite_returns_kept_pixels_bit_for_bit_and_blends_soft_edges():
    known, image = torch.rand(1, 3, 4, 4) * 2 - 1, torch.full((1, 3, 4, 4), torch.nan)
    assert torch.equal(composite(image, Known(known, torch.zeros(1, 1, 4, 4))), known)
    half = composite(torch.ones(1, 3, 4, 4), Known(-torch.ones(1, 3, 4, 4), torch.full((1, 1, 4, 4), 0.5)))
    assert torch.equal(half, torch.zeros(1, 3, 4, 4))
