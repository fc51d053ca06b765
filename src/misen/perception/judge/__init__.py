"""Observer, joint embedding and ears B: they grade, and never steer or train."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from misen.nn.weights import read_card, shipped
from misen.perception.frozen import freeze

if TYPE_CHECKING:
    from misen.perception.hearing import Hearing
    from misen.perception.joint import JointEmbedding
    from misen.perception.observer import Observer
    from misen.perception.sync import SyncExpert

NAMES = ("observer-b", "joint-b")


@cache
def observer() -> Observer:
    """The shipped observer B, frozen."""
    from misen.perception.observer import observer_b

    return freeze(observer_b(), shipped("observer-b"))


@cache
def joint() -> JointEmbedding:
    """The shipped joint embedding B, frozen."""
    from misen.perception.joint import joint_b

    return freeze(joint_b(), shipped("joint-b"))


@cache
def hearing() -> Hearing:
    """The shipped hearing B, frozen."""
    from misen.perception.hearing import hearing_b

    return freeze(hearing_b(), shipped("hearing-b"))


@cache
def sync() -> SyncExpert:
    """The shipped sync expert B, frozen."""
    from misen.perception.sync import sync_b

    return freeze(sync_b(), shipped("sync-b"))


def hashes() -> dict[str, str]:
    """SHA-256 of the weights of each network here, by name."""
    return {name: read_card(shipped(name))["sha256"] for name in NAMES}
