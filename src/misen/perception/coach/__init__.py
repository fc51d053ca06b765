"""Observer, joint embedding and ears A: they may steer and train, and never grade."""

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
    from misen.perception.text import TextTower

NAMES = ("observer-a", "joint-a")


@cache
def observer() -> Observer:
    """The shipped observer A, frozen."""
    from misen.perception.observer import observer_a

    return freeze(observer_a(), shipped("observer-a"))


@cache
def joint() -> JointEmbedding:
    """The shipped joint embedding A, frozen."""
    from misen.perception.joint import joint_a

    return freeze(joint_a(), shipped("joint-a"))


@cache
def hearing() -> Hearing:
    """The shipped hearing A, frozen."""
    from misen.perception.hearing import hearing_a

    return freeze(hearing_a(), shipped("hearing-a"))


@cache
def sync() -> SyncExpert:
    """The shipped sync expert A, frozen."""
    from misen.perception.sync import sync_a

    return freeze(sync_a(), shipped("sync-a"))


def text_encoder() -> TextTower:
    """The text tower of joint embedding A: tokenizer and CLIP text model of every generator, frozen."""
    return joint().words


def hashes() -> dict[str, str]:
    """SHA-256 of the weights of each network here, by name."""
    return {name: read_card(shipped(name))["sha256"] for name in NAMES}
