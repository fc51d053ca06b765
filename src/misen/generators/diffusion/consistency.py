"""Few-step students: the denoiser learns to foresee the end of its guided teacher's way from anywhere on it.

The clean latents foreseen from a velocity, ``alpha * noisy - scale * v``, are those latents themselves where there is
no noise, as a consistency function must be; so student and teacher are the same network, and the student begins as it.

Source: Geng et al. 2024, easy consistency tuning (arXiv:2406.14548), section 3, for pairs of times that draw closer;
Luo et al. 2023, latent consistency models (arXiv:2310.04378), section 4.3, for the guided teacher's step from one to
the other; Song and Dhariwal 2023 (arXiv:2310.14189), section 3.3, for the loss; deviations: times are those of the
schedule, which are angles, and errors are those of the velocity.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor, nn

from misen.core.condition import Condition
from misen.core.shapes import Maps, PerItem, Scalar
from misen.generators.diffusion.denoiser import Denoiser
from misen.generators.diffusion.players import draw_timesteps
from misen.generators.diffusion.schedule import Schedule, clean

Times = Int[Tensor, " batch"]
"""Timesteps of the schedule."""
FLAT = 0.00054
"""Error below which the loss is quadratic, per square root of the numbers in a latent."""


@dataclass(frozen=True)
class Curriculum:
    """How the two times of a pair draw closer.

    Attributes:
        halving: steps after which the gap is halved; the first pairs reach from any time to the end.
        halvings: how often it is halved.
    """

    halving: int = 300
    halvings: int = 8

    def gap(self, step: int) -> float:
        """The gap of a pair at a step of training, as a fraction of the noisier time."""
        return 0.5 ** min(step // self.halving, self.halvings)


class ConsistencyPlayer:
    """Batches hold "latents" (B, C, h, w), clean and scaled, and "conditions" by port.

    Args:
        student: learns.
        teacher: is followed, and stays as it is.
        schedule: the noise of both.
        scale: the guidance scale of the teacher, which the student has without being guided.
        curriculum: how far apart the times of a pair are.
    """

    name = "student"

    def __init__(
        self, student: Denoiser, teacher: Denoiser, schedule: Schedule, scale: float, curriculum: Curriculum
    ) -> None:
        self.module: nn.Module = student
        self.student, self.teacher = student, teacher
        self.schedule, self.scale, self.curriculum = schedule, scale, curriculum

    def loss(self, batch: Mapping[str, Any], step: int) -> tuple[Scalar, Mapping[str, float]]:
        """How far what the student foresees is from what it foresees a step of the teacher's further."""
        latents: Tensor = batch["latents"].contiguous(memory_format=torch.channels_last)
        times, gap = draw_timesteps(len(latents)).clamp(min=1), self.curriculum.gap(step)
        alpha, scale = self.schedule.mixture(times)
        noisy = alpha * latents + scale * torch.randn_like(latents)
        with torch.no_grad():
            goal = self._goal(noisy, times, earlier(times, gap), batch["conditions"])
        made = self.student(noisy, times, batch["conditions"]).float()
        error = distance(made, (alpha * noisy - goal) / scale).mean()
        return error, {"gap": gap}

    def _goal(self, noisy: Maps, times: Times, before: Times, conditions: Mapping[str, Condition]) -> Maps:
        """The clean latents foreseen from where a step of the guided teacher leads; at time 0, those it leads to."""
        alpha, scale = self.schedule.mixture(times)
        point = clean(noisy, self._guided(noisy, times, conditions), alpha, scale)
        noise = (noisy - alpha * point) / scale
        next_alpha, next_scale = self.schedule.mixture(before)
        there = next_alpha * point + next_scale * noise
        foreseen = clean(there, self.student(there, before, conditions).float(), next_alpha, next_scale)
        goal: Maps = torch.where((before == 0)[:, None, None, None], point, foreseen)
        return goal

    def _guided(self, noisy: Maps, times: Times, conditions: Mapping[str, Condition]) -> Maps:
        """The teacher's velocity under classifier-free guidance."""
        alone, given = self.teacher(noisy, times, {}).float(), self.teacher(noisy, times, conditions).float()
        guided: Maps = alone + self.scale * (given - alone)
        return guided


def earlier(times: Times, gap: float) -> Times:
    """The less noisy time of each pair: ``gap`` of the noisier one before it, at least one timestep; never below 0."""
    return times - (times * gap).ceil().long().clamp(min=1)


def distance(made: Maps, goal: Maps) -> PerItem:
    """(B,) pseudo-Huber distances: squares of small errors, lengths of large ones, lest one pair outweigh others."""
    size = made[0].numel()
    flat = FLAT * math.sqrt(size)
    lengths: Tensor = ((made - goal).square().sum(dim=(1, 2, 3)) + flat**2).sqrt() - flat
    return lengths / math.sqrt(size)
