"""Truth of the avatar world: pixels, sketch and exemplar of a record, and of the first records of a split."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from misen.scene.attributes import COLUMN
from misen.scene.observe import observe
from misen.scene.record import Record
from misen.scene.renderer import render
from misen.scene.sampling import sample
from misen.scene.sketching import sketch
from misen.scene.splits import Split
from misen.scene.truth import Truth

COMPANION = 1 << 44
"""Added to a record's seed to draw the pose, expression and light of its exemplar."""
EPOCH = 1 << 46
"""Added to a record's seed once per epoch, so that its words and hints vary."""


def tell_truth(record: Record, size: int = 64, supersample: int = 2) -> Truth:
    """Everything a modality can observe of ``record``, rendered at ``size`` pixels."""
    observation = observe(record, size, supersample)
    exemplar = render(companion(record), size, supersample)
    return Truth(record, observation, sketch(observation, record.seed), exemplar)


def first_truths(split: Split, count: int, chunk: int = 100) -> Iterator[Truth]:
    """The first ``count`` avatars of a split, ``chunk`` at a time."""
    for start in range(0, count, chunk):
        yield tell_truth(split.records(start, min(chunk, count - start)))


def companion(record: Record) -> Record:
    """The same people in another pose (yaw within 45 degrees), expression and light."""
    other = sample(record.seed + COMPANION, full_circle=0.0)
    attributes = record.attributes.clone()
    column = COLUMN["expression"]
    attributes[:, column] = other.attributes[:, column]
    return replace(record, attributes=attributes, expression=other.expression, camera=other.camera, light=other.light)
