"""From a checked request to its pictures: plan, beginning, walk, and the upscaler after it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

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
from misen.synthesis.trace import Watch


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

    def walks(
        self, parts: Sequence[Request], callback: Callback | None, memory: Memory
    ) -> Iterator[tuple[Request, Synthesis]]:
        """Each part of a request with its pictures."""
        for index, part in enumerate(parts):
            with fixed(threads(part.execution)), sufficient(self.ways.workload(part)):
                walk = self._enlarge(self._walk(part, watch(callback, index, len(parts)), memory), part)
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

    def _enlarge(self, walk: Synthesis, request: Request) -> Synthesis:
        """The pictures of a walk in the size asked for."""
        above = self.sides.above(request.height, request.width)
        if above is None:
            return walk
        return replace(walk, images=enlarge(above.upscaler, walk.images, request.seeds, self.device))
