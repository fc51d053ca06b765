"""Planning: what a checked request asks of a model's own network, and of its method of editing."""

from __future__ import annotations

from dataclasses import replace

from misen import assembly
from misen.app.request import Request
from misen.core.generator import Generator, Sampler
from misen.editing.methods.method import Edit
from misen.synthesis import Plan, plan


def sampler_of(opened: assembly.Opened, request: Request) -> Sampler:
    """What moves the states of a request."""
    return opened.samplers[request.sampler](request.steps)


def planned(opened: assembly.Opened, request: Request) -> Plan:
    """The plan of a request, as far as the model's own network goes; raises ``Unreachable``."""
    sampler, method, canvas = sampler_of(opened, request), request.method, request.canvas
    walk = plan(
        opened.generator,
        method.heard(request.guidances, canvas) if canvas else request.guidances,
        method.known(canvas) if canvas else None,
        sampler=sampler,
        encoders=opened.encoders,
        energies=assembly.energies(),
        scale=request.scale,
        negatives=request.negatives,
    )
    walk = replace(walk, cache_interval=request.cache_interval, execution=request.execution)
    edit = edit_of(request, opened.generator, sampler, walk)
    return walk if edit is None else walk.beside(method.besides(edit))


def edit_of(request: Request, generator: Generator, sampler: Sampler, plan: Plan) -> Edit | None:
    """A request as its method sees it; None where there is no picture to change."""
    if request.canvas is None:
        return None
    return Edit(
        generator=generator,
        sampler=sampler,
        plan=plan,
        canvas=request.canvas,
        strength=request.strength,
        kept=request.kept,
    )
