"""Plan: decides by which route each guidance acts, as a database's EXPLAIN does, before anything is computed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, Protocol, runtime_checkable

from misen.core.condition import Encoder
from misen.core.energy import Energy, Opening, Varied
from misen.core.errors import Unreachable, closest
from misen.core.execution import Execution
from misen.core.generator import Generator, Level, Opaque, Returning, Sampler, Staged
from misen.core.guidance import Consistency, Guidance
from misen.core.port import Adaptation, Port
from misen.core.signal import Signal
from misen.synthesis.mix import weights
from misen.synthesis.project import Constraint

Taken = Literal["native", "adapted", "consistency"]


@runtime_checkable
class Encoders(Protocol):
    """Encoders by modality: a dictionary, or one that builds each when it is first asked for."""

    def __contains__(self, modality: object) -> bool: ...

    def __getitem__(self, modality: str) -> Encoder: ...


@runtime_checkable
class Energies(Protocol):
    """Energies by modality: a dictionary, or one that builds each when it is first asked for."""

    def __contains__(self, modality: object) -> bool: ...

    def __iter__(self) -> Iterator[str]: ...

    def __getitem__(self, modality: str) -> Energy: ...


@dataclass(frozen=True, eq=False)
class Decision:
    """How one guidance acts.

    Attributes:
        guidance: the wish, as far as an adapter takes it if one does.
        route: what was chosen.
        reason: why, as a sentence.
        port: the generator's port for a native or adapted route, else "".
        mixable: whether that port may be left out, so that a strength can extrapolate.
        encoder: makes the condition for a native or adapted route, else None.
        energy: measures for a consistency route, else None.
    """

    guidance: Guidance
    route: Taken
    reason: str
    port: str = ""
    mixable: bool = True
    encoder: Encoder | None = field(default=None, repr=False)
    energy: Energy | None = field(default=None, repr=False)

    def to_json(self) -> dict[str, Any]:
        """A description without tensors: what is wished, how it acts and why."""
        wish = self.guidance
        return {
            "modality": wish.modality,
            "signal": wish.signal.describe(),
            "digest": digest(wish.signal),
            "strength": wish.strength,
            "window": list(wish.window),
            "route": self.route,
            "reason": self.reason,
            "consistency": asdict(wish.consistency) if self.energy is not None else None,
        }


@dataclass(frozen=True, eq=False)
class Plan:
    """Everything that is decided before sampling; compared and stored through ``to_json``.

    Attributes:
        decisions: one per guidance, in the order given.
        negatives: one per signal to be avoided; native, each in place of a null condition.
        known: what is known of the pictures, or None.
        scale: the guidance scale that strength 1 stands for.
        sampler: name of the sampler.
        steps: length of the whole walk.
        evaluations: estimated network evaluations per picture, for the whole walk and what is besides it.
        gradients: estimated gradients of the decoder per picture for the whole walk.
        besides: the evaluations that are no part of the walk, by what they are for.
        cache_interval: the whole network is asked in one of how many evaluations.
        execution: how networks are run; None as usual.
    """

    decisions: tuple[Decision, ...]
    negatives: tuple[Decision, ...]
    known: Constraint | None
    scale: float
    sampler: str
    steps: int
    evaluations: int
    gradients: int
    besides: Mapping[str, int] = field(default_factory=dict)
    cache_interval: int = 1
    execution: Execution | None = None

    def beside(self, costs: Mapping[str, int]) -> Plan:
        """The plan with evaluations per picture that are no part of the walk, by what they are for."""
        besides = {**self.besides, **costs}
        return replace(self, evaluations=self.evaluations + sum(costs.values()), besides=besides)

    @property
    def guided(self) -> bool:
        """Whether any energy pulls."""
        return any(decision.route == "consistency" for decision in self.decisions)

    def to_json(self) -> dict[str, Any]:
        """A canonical description without tensors; equal for equal plans."""
        return {
            "guidances": [decision.to_json() for decision in self.decisions],
            "negatives": [decision.to_json() for decision in self.negatives],
            "known": self.known.to_json() if self.known else None,
            "guidance_scale": self.scale,
            "sampler": self.sampler,
            "steps": self.steps,
            "evaluations": self.evaluations,
            "besides": dict(self.besides),
            "gradients": self.gradients,
            "cache_interval": self.cache_interval,
            "execution": asdict(self.execution) if self.execution else None,
        }

    def explain(self) -> str:
        """The plan for a person to read, one line per decision and one for the cost."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        for sign, decisions in (("+", self.decisions), ("-", self.negatives)):
            for decision in decisions:
                wish = decision.guidance
                yield f"{sign} {wish.modality}: {'; '.join(wish.signal.describe())}"
                yield f"    {decision.route}: {decision.reason}"
                yield f"    strength {wish.strength:g}, from {wish.window[0]:g} to {wish.window[1]:g} of the walk"
                if decision.energy is not None:
                    yield f"    {_account(wish.consistency)}"
        if self.known is not None:
            yield f"= {self.known.explain()}"
        yield f"sampler {self.sampler}, {self.steps} steps, guidance scale {self.scale:g}"
        yield f"about {self.evaluations} network evaluations and {self.gradients} gradients per picture"
        if self.cache_interval > 1:
            yield f"the whole network in one of {self.cache_interval} evaluations"
        if self.execution is not None:
            yield f"networks run in {self.execution}"
        if self.besides:
            yield f"of these {', '.join(f'{count} for {what}' for what, count in self.besides.items())}"


def plan(
    generator: Generator,
    guidances: Sequence[Guidance],
    known: Constraint | None = None,
    *,
    sampler: Sampler,
    encoders: Encoders,
    energies: Energies,
    scale: float = 1.0,
    negatives: Sequence[Signal] = (),
) -> Plan:
    """Decide each guidance's route; pure.

    Args:
        generator: whose ports and capabilities decide.
        guidances: the wishes.
        known: what is known of the pictures.
        sampler: tells the number of steps.
        encoders: by modality.
        energies: by modality.
        scale: the guidance scale that strength 1 stands for.
        negatives: signals to be pushed away, each in place of a null condition.

    Raises:
        Unreachable: with the reasons of every guidance that no route can follow.
    """
    planner = _Planner(generator, sampler, encoders, energies)
    decisions = planner.collect(planner.decide(guidance) for guidance in guidances)
    avoided = planner.collect(planner.avoid(signal) for signal in negatives)
    planner.require(known)
    if planner.refusals:
        raise Unreachable("; ".join(planner.refusals), field="guidance", hint=planner.hint())
    levels = sampler.levels(guided=any(decision.route == "consistency" for decision in decisions))
    free = Plan(decisions, avoided, known, scale, sampler.name, len(levels), 0, 0)
    evaluations, gradients = cost(free, sampler)
    return replace(free, evaluations=evaluations, gradients=gradients)


@dataclass(frozen=True)
class Demand:
    """What one step asks of a generator, per picture.

    Attributes:
        predictions: estimates that the sampler wants.
        sets: of conditions, under each of which the generator is asked for one of them.
        gradients: of the decoder, for one of them.
        adapters: ports of the adapters that act.
    """

    predictions: int
    sets: int
    gradients: int
    adapters: tuple[str, ...]


def demands(plan: Plan, sampler: Sampler, levels: Sequence[Level]) -> Iterator[Demand]:
    """What the step at each of some levels asks under what guides in a plan."""
    pulls = [one.guidance for one in plan.decisions if one.energy is not None and one.guidance.strength != 0]
    adapted = [one for one in plan.decisions if one.route == "adapted"]
    renewing = [_renewing(wish, levels) for wish in pulls]
    for level in levels:
        recurrences = [wish.consistency.recurrences for wish in pulls if wish.acts_at(level.progress)]
        fresh = [wish.consistency for wish, where in zip(pulls, renewing, strict=True) if level in where]
        yield Demand(
            predictions=stages(sampler) * max(recurrences, default=1),
            sets=_evaluations(plan.decisions, plan.negatives, level, plan.scale),
            gradients=sum(how.gradients for how in fresh),
            adapters=tuple(one.port for one in adapted if one.guidance.acts_at(level.progress)),
        )


def _renewing(wish: Guidance, levels: Sequence[Level]) -> Sequence[Level]:
    """The levels at which a wish that pulls takes gradients anew."""
    return [level for level in levels if wish.acts_at(level.progress)][:: wish.consistency.interval]


def cost(plan: Plan, sampler: Sampler) -> tuple[int, int]:
    """Estimated network evaluations and gradients per picture of a whole walk under what guides in a plan."""
    steps = list(demands(plan, sampler, sampler.levels(guided=plan.guided)))
    return sum(step.predictions * step.sets for step in steps), sum(step.predictions * step.gradients for step in steps)


def stages(sampler: Sampler) -> int:
    """Predictions of a step."""
    return sampler.stages if isinstance(sampler, Staged) else 1


class _Planner:
    """Decides one guidance after another, remembers which ports are taken and collects refusals."""

    def __init__(self, generator: Generator, sampler: Sampler, encoders: Encoders, energies: Energies) -> None:
        self.generator, self.sampler, self.encoders, self.energies = generator, sampler, encoders, energies
        self.taken: list[tuple[str, tuple[float, float]]] = []
        self.avoided: set[str] = set()
        self.refusals: list[str] = []

    def collect(self, found: Iterable[Decision | str]) -> tuple[Decision, ...]:
        """The decisions; refusals are noted."""
        found = list(found)
        self.refusals += [refusal for refusal in found if isinstance(refusal, str)]
        return tuple(decision for decision in found if isinstance(decision, Decision))

    def decide(self, guidance: Guidance) -> Decision | str:
        """The first route that is open, or why none is."""
        routes = ("native", "adapted", "consistency") if guidance.route == "auto" else (guidance.route,)
        reasons = []
        for route in routes:
            found = self._try(route, guidance)
            if isinstance(found, Decision):
                return found
            reasons.append(f"{route}: {found}")
        return f"{guidance.modality} cannot be followed ({', '.join(reasons)})"

    def avoid(self, signal: Signal) -> Decision | str:
        """A negative, which only a mixable port can take, or why none can."""
        found = self._native(Guidance(signal=signal), negative=True)
        return found if isinstance(found, Decision) else f"{signal.modality} cannot be avoided ({found})"

    def require(self, known: Constraint | None) -> None:
        """Note a refusal when something is known and the generator cannot be forced to it."""
        if known is not None and (refusal := known.refusal(self.generator)):
            self.refusals.append(refusal)

    def hint(self) -> str:
        """What this generator can follow."""
        ports = self.generator.ports.values()
        native = sorted(set().union(*(port.trained_on for port in ports if port.adaptation is None)))
        adapted = sorted(set().union(*(port.trained_on for port in ports if port.adaptation is not None)))
        pulls = [] if isinstance(self.generator, Opaque) else sorted(self.energies)
        beside = f"adapted: {', '.join(adapted)}; " if adapted else ""
        return f"native: {', '.join(native) or 'none'}; {beside}consistency: {', '.join(pulls) or 'none'}"

    def _try(self, route: str, guidance: Guidance) -> Decision | str:
        ways = {"native": self._native, "adapted": self._adapted, "consistency": self._consistency}
        return ways[route](guidance)

    def _native(self, guidance: Guidance, *, negative: bool = False) -> Decision | str:
        modality = guidance.modality
        trained = [(name, port) for name, port in self.generator.ports.items() if modality in port.trained_on]
        fitting = [(name, port) for name, port in trained if port.adaptation is None]
        if not fitting:
            return "no port was trained on it"
        if modality not in self.encoders:
            return "there is no encoder for it"
        problems = []
        for name, port in fitting:
            if problem := self._obstacle(name, port, guidance, negative=negative):
                problems.append(problem)
                continue
            self._take(name, guidance, negative=negative)
            reason = f"port {name!r} was trained on {modality}"
            return Decision(guidance, "native", reason, name, port.mixable, encoder=self.encoders[modality])
        return ", ".join(problems)

    def _adapted(self, guidance: Guidance) -> Decision | str:
        problems = []
        for name, port in self.generator.ports.items():
            if port.adaptation is None or guidance.modality not in port.trained_on:
                continue
            found = self._adapt(name, port, port.adaptation, guidance)
            if isinstance(found, Decision):
                return found
            problems.append(found)
        return ", ".join(problems) or "no adapter is loaded"

    def _adapt(self, name: str, port: Port, adaptation: Adaptation, guidance: Guidance) -> Decision | str:
        narrowed = adaptation.narrow(guidance)
        if narrowed is None:
            start, end = adaptation.window
            return f"adapter {name!r} acts only from {start:g} to {end:g} of the walk"
        if self._occupied(name, narrowed.window):
            return f"adapter {name!r} takes one {port.layout} at a time"
        self._take(name, narrowed, negative=False)
        reason = f"adapter {name!r} was trained on {guidance.modality}"
        return Decision(narrowed, "adapted", reason, name, port.mixable, encoder=adaptation.encoder)

    def _take(self, name: str, guidance: Guidance, *, negative: bool) -> None:
        if negative:
            self.avoided.add(name)
        else:
            self.taken.append((name, guidance.window))

    def _obstacle(self, name: str, port: Port, guidance: Guidance, *, negative: bool) -> str:
        """Why the port cannot take the guidance, or "" when it can."""
        if not port.mixable and (negative or guidance.strength != 1):
            return f"port {name!r} has no null condition, so only strength 1 makes sense"
        if negative and name in self.avoided:
            return f"port {name!r} takes one negative"
        if port.layout != "tokens" and not negative and self._occupied(name, guidance.window):
            return f"port {name!r} takes one {port.layout} at a time"
        return ""

    def _occupied(self, name: str, window: tuple[float, float]) -> bool:
        others = (other for port, other in self.taken if port == name)
        return any(start < window[1] and window[0] < end for start, end in others)

    def _consistency(self, guidance: Guidance) -> Decision | str:
        if guidance.modality not in self.energies:
            return "there is no energy for it"
        if isinstance(self.generator, Opaque):
            return f"the generator {self.generator.opaque}"
        if guidance.consistency.recurrences > 1 and not isinstance(self.sampler, Returning):
            return f"sampler {self.sampler.name} cannot take a step back, and recurrences are wanted"
        measure = guidance.consistency.measure
        energy = _measuring(self.energies[guidance.modality], measure)
        if isinstance(energy, str):
            return energy
        what = f"{guidance.modality} ({measure})" if measure else guidance.modality
        reason = f"the gradient of the {what} energy of the decoded picture moves the estimate"
        return Decision(guidance, "consistency", reason, energy=energy)


def _measuring(usual: Energy, measure: str) -> Energy | str:
    """The energy that a measure stands for, the usual one if it is empty; or why there is none."""
    if not measure:
        return usual
    named: Mapping[str, Energy] = usual.measures if isinstance(usual, Varied) else {}
    if measure in named:
        return named[measure]
    unknown = f"there is no measure {measure!r}; {closest(measure, named) if named else 'no other has a name'}"
    if not isinstance(named, Opening):
        return unknown
    return named.opened(measure) or f"{unknown}, and no such folder holds one"


def _evaluations(decisions: Sequence[Decision], negatives: Sequence[Decision], level: Level, scale: float) -> int:
    """How often the generator is asked for one prediction at ``level``."""
    active = [d for d in decisions if d.port and d.mixable and d.guidance.acts_at(level.progress)]
    unanswered = {negative.port for negative in negatives} - {decision.port for decision in active}
    strengths = [decision.guidance.strength for decision in active] + [1.0] * len(unanswered)
    return sum(weight != 0 for weight in weights(sorted(strengths, reverse=True), scale))


def _account(how: Consistency) -> str:
    """The options of consistency for a person to read."""
    where = "the noisy state, through the network" if how.through else "the predicted picture"
    seldom = f", in one of {how.interval} steps" if how.interval > 1 else ""
    counts = f"copies {how.copies}, gradients {how.gradients}, recurrences {how.recurrences}"
    return f"{counts}, at {where}{seldom}"


def digest(signal: Signal) -> str:
    """SHA-256 of the canonical JSON of a signal."""
    text = json.dumps(signal.to_json(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
