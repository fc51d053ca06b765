"""Pivotal tuning: a copy of the generator learns to make a given picture of the latents that come closest to it.

Source: Roich et al. 2021, pivotal tuning inversion (arXiv:2106.05744), section 3.1; deviations: features are those of
our own observer; without the regularization around other latents, which the authors' program leaves out as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from misen.core.errors import Unreachable
from misen.core.generator import Generator, Sampler
from misen.core.shapes import Images
from misen.inversion.likeness import Likeness, Weights
from misen.inversion.optimize import Latents
from misen.inversion.reverse import Inversion
from misen.inversion.way import Watch, unwatched
from misen.perception import coach
from misen.synthesis.plan import Plan

RATE = 1e-3
"""Of Adam."""
WEIGHTS = Weights(squared=1.0, perceptual=1.0, identity=0.0)
"""Pixels and features alike."""


@runtime_checkable
class Twinned(Protocol):
    """Capability of a generator: can be copied with a network of its own."""

    @property
    def network(self) -> nn.Module:
        """What makes its pictures."""
        ...

    def twin(self) -> Generator:
        """A copy with a network of its own, which shares everything else."""
        ...


@torch.no_grad()
def tune_pivot(
    generator: Generator,
    sampler: Sampler,
    plan: Plan,
    image: Images,
    found: Inversion,
    *,
    steps: int,
    rate: float = RATE,
    watch: Watch = unwatched,
    device: torch.device | str = "cpu",
) -> Inversion:
    """The same latents, with the parameters of a copy of the generator that makes the picture of them.

    Args:
        generator: stays as it is.
        sampler: walks.
        plan: under which the latents were found.
        image: (B, 3, H, W) in [-1, 1].
        found: its latents.
        steps: updates.
        rate: of learning.
        watch: told how much is done.
        device: where the generator's parameters are.

    Raises:
        Unreachable: the generator cannot be copied.
        NotFinite: the rebuilt picture holds NaN or infinity.
    """
    twin: Any = twinned(generator).twin()
    latents = Latents.of(twin, sampler, plan, len(image), device)
    likeness, point = Likeness(image.to(device), coach.observer(), WEIGHTS), found.state.value
    optimizer = torch.optim.Adam(twin.network.requires_grad_().parameters(), lr=rate)
    for step in range(steps):
        with torch.enable_grad():
            total = likeness(latents.show(point)).sum()
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        watch((step + 1) / steps)
    twin.network.requires_grad_(False)
    rebuilt = latents.found(image.to(device), point)
    return replace(rebuilt, network=_changes(twin.network, twinned(generator).network))


def changed(generator: Generator, network: Mapping[str, Tensor]) -> Generator:
    """A copy of a generator with other values of some parameters; itself if there are none.

    Raises:
        Unreachable: it cannot be copied.
    """
    if not network:
        return generator
    twin: Any = twinned(generator).twin()
    twin.network.load_state_dict({**twin.network.state_dict(), **network})
    return twin  # type: ignore[no-any-return]


def twinned(generator: Generator) -> Twinned:
    """The generator as one that can be copied."""
    if not isinstance(generator, Twinned):
        raise Unreachable("the network of this model cannot be tuned", field="tune", hint="leave it as it is")
    return generator


def _changes(network: nn.Module, before: nn.Module) -> dict[str, Tensor]:
    """The parameters that differ, by name."""
    old = before.state_dict()
    return {name: value.clone() for name, value in network.state_dict().items() if not torch.equal(value, old[name])}
