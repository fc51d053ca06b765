from __future__ import annotations

import hashlib

from misen.nn.weights import read_card, shipped
from misen.perception import coach, judge


def test_no_network_that_grades_has_the_weights_of_one_that_steers():
    steering, grading = coach.hashes(), judge.hashes()
    assert not set(steering.values()) & set(grading.values())
    for name, recorded in {**steering, **grading}.items():
        content = (shipped(name) / "model.safetensors").read_bytes()
        assert hashlib.sha256(content).hexdigest() == recorded


def test_the_sides_learned_from_worlds_that_do_not_meet():
    ranges = {name: read_card(shipped(name))["data"] for name in (*coach.NAMES, *judge.NAMES)}
    latest_steering = max(ranges[name]["last"] for name in coach.NAMES)
    assert latest_steering < min(ranges[name]["first"] for name in judge.NAMES)
