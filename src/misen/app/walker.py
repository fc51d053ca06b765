"""From a checked request to its pictures: plan, beginning, walk, and the upscaler after it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import torch

from misen import assembly
from misen.app.computing import fixed, threads
from misen.app.forecast import sufficient
from misen.app.planning import edit_of, planned, sampler_of
from misen.app.progress import Callback, watch
from misen.app.recall import require_base
from misen.app.request import Request
from misen.app.sides import Sides
from misen.app.ways import Ways
from misen.assembly import Opened
from misen.core.generator import Sampler
from misen.editing.memory import Memory
from misen.editing.methods.method import Beginning
from misen.synthesis import Plan, Synthesis, synthesize
from misen.synthesis.enlarge import enlarge, evaluations
from misen.synthesis.rank import best
from misen.synthesis.trace import Watch

Walked = tuple[Request, Synthesis]
"""A part of a request, and its pictures."""


@dataclass(frozen=True)
class Walker:
    """Fulfils the requests of a model.

    Attributes:
        opened: the model.
        sides: of its pictures.
        ways: of running it.
        device: where its networks are.
    """

    opened: Opened
    sides: Sides
    ways: Ways
    device: str

    def plan(self, request: Request) -> Plan:
        """The plan of a request; raises ``Unreachable``."""
        above = self.sides.above(request.height, request.width)
        upscaling = {} if above is None else {"the upscaler": evaluations(above.upscaler)}
        return planned(self.opened, request).beside(upscaling)

    def walks(self, parts: Sequence[Request], callback: Callback | None, memory: Memory) -> Iterator[Walked]:
        """Each part of a request with its pictures."""
        return (self._enlarged(walked) for walked in self._walks(parts, callback, memory))

    def pictures(self, request: Request, size: int, callback: Callback | None, memory: Memory) -> Iterator[Walked]:
        """The pictures of a request, made ``size`` at a time, each the best of its candidates if it has several."""
        if request.tries == 1:
            return self.walks(request.parts(size), callback, memory)
        groups = [request.candidates(picture).parts(size) for picture in range(len(request.seeds))]
        walks = self._walks([part for group in groups for part in group], callback, memory)
        return (self._enlarged(kept(list(islice(walks, len(group))))) for group in groups)

    def _walks(self, parts: Sequence[Request], callback: Callback | None, memory: Memory) -> Iterator[Walked]:
        for index, part in enumerate(parts):
            with fixed(threads(part.execution)), sufficient(self.ways.workload(part)):
                walk = self._walk(part, watch(callback, index, len(parts)), memory)
            yield part, walk

    def _walk(self, request: Request, watch: Watch, memory: Memory) -> Synthesis:
        sampler, plan = sampler_of(self.opened, request), self.plan(request)
        beginning = self._begin(request, sampler, plan, memory)
        return synthesize(
            beginning.generator,
            sampler,
            plan,
            seeds=request.seeds,
            start=beginning.start,
            watch=watch,
            device=self.device,
        )

    def _begin(self, request: Request, sampler: Sampler, plan: Plan, memory: Memory) -> Beginning:
        generator = self.ways.generator(request)
        edit = edit_of(request, generator, sampler, plan)
        if edit is None:
            return Beginning(generator, None)
        require_base(request.method, self.opened)
        return request.method.begin(replace(edit, memory=memory))

    def _enlarged(self, walked: Walked) -> Walked:
        """The pictures of a walk in the size asked for."""
        request, walk = walked
        above = self.sides.above(request.height, request.width)
        if above is None:
            return walked
        with fixed(threads(request.execution)), sufficient(self.ways.workload(request)):
            return request, replace(walk, images=enlarge(above.upscaler, walk.images, request.seeds, self.device))


def kept(walks: Sequence[Walked]) -> Walked:
    """Of the candidates of one picture, the one that agrees most with its wishes."""
    [request, *_], images = [part for part, _ in walks], torch.cat([walk.images for _, walk in walks])
    found = best(images, request.guidances, assembly.energies())
    for part, walk in walks:
        if found < len(part.seeds):
            chosen = slice(found, found + 1)
            return part.part(chosen), replace(walk, images=walk.images[chosen])
        found -= len(part.seeds)
    raise AssertionError("the best is one of them")
