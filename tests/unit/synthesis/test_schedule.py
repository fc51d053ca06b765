from __future__ import annotations

import pytest

from misen.core.generator import Level
from misen.synthesis.schedule import remaining, truncate
from toys import Euler, Walk, ladder


@pytest.mark.parametrize(("strength", "count"), [(0.0, 0), (0.05, 0), (0.5, 5), (0.6, 6), (1.0, 10)])
def test_truncate_keeps_the_last_part(strength, count):
    assert truncate(ladder(10), strength) == ladder(10)[10 - count :]


def test_remaining_belongs_to_the_sampler():
    assert remaining(Euler(), Level(0.75)) == 1
    assert remaining(Walk(), Level(0.75)) == 0.25
