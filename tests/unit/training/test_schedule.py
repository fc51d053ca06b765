import pytest

from misen.training.config import parse_config
from misen.training.schedule import cooldown_due, learning_rate


def configure(text):
    return parse_config(f'name = "x"\nlr = 1.0\nwarmup = 9\n{text}')


def test_warm_up_is_linear():
    config = configure('steps = 100\nschedule = "constant"')
    assert [learning_rate(config, step) for step in (0, 4, 9, 99)] == pytest.approx([0.1, 0.5, 1.0, 1.0])


def test_cosine_ends_at_zero():
    config = configure('steps = 100\nschedule = "cosine"')
    assert learning_rate(config, 50) == pytest.approx(0.5)
    assert learning_rate(config, 99) < 1e-3


def test_trapezoid_by_steps():
    config = configure("steps = 100\ncooldown = 0.5")
    assert not cooldown_due(config, 49, minutes=0)
    assert cooldown_due(config, 50, minutes=0)
    assert [learning_rate(config, step, 50) for step in (50, 75, 100)] == pytest.approx([1.0, 0.5, 0.01])


def test_trapezoid_by_minutes_falls_at_the_pace_so_far():
    config = configure("max_minutes = 10.0\ncooldown = 0.2")
    assert cooldown_due(config, 800, minutes=8.0)
    assert learning_rate(config, 900, 800) == pytest.approx(0.5)
