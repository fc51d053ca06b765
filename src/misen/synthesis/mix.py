"""Mix: an affine sum of native answers, with weights adding to one.

Guidances are ordered by strength, largest first, and the estimate is
``e() + sum_i s_i g (e(c_1..c_i) - e(c_1..c_(i-1)))`` with ``g`` the guidance scale. Collecting the terms gives one
weight per prefix. Those that vanish are never evaluated: equal strengths cost two evaluations, no guidance costs one.

Source: Ho and Salimans 2022, classifier-free guidance (arXiv:2207.12598), equation 6; Brooks et al. 2023,
InstructPix2Pix (arXiv:2211.09800), equation 3, for several conditions; deviation: the order follows the strengths.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch

from misen.core.condition import Condition
from misen.core.estimate import Estimate
from misen.core.generator import Centred, Contrasting, Generator, Joint, Level, Predict, State
from misen.core.guidance import Guidance
from misen.core.shapes import Counted, Points

Conditions = Mapping[str, Condition]
"""What goes in, by port name; ports not named get their null condition."""


@dataclass(frozen=True)
class Native:
    """One guidance as a port takes it.

    Attributes:
        port: name of the generator's port.
        condition: what goes in, one item per image.
        guidance: the wish, for its strength and its window.
        mixable: whether the answer without it makes sense, so that a strength can extrapolate from it.
    """

    port: str
    condition: Condition
    guidance: Guidance
    mixable: bool = True


def mix(generator: Generator, natives: Sequence[Native], scale: float, negatives: Conditions) -> Predict:
    """The generator's answer under its native guidances.

    Where there are none, the scale says how far from its mean a generator goes that knows one.

    Args:
        generator: asked once per weight that is not zero.
        natives: guidances and their ports; outside its window a guidance is as if it had not been given.
        scale: the guidance scale that strength 1 stands for.
        negatives: by port, what takes the place of the null condition.
    """

    def mixed(state: State, level: Level) -> Estimate:
        active = [native for native in natives if native.guidance.acts_at(level.progress)]
        first, *others = prefixes(active, scale, negatives)
        weaker = _contrast(generator, state, level, first)
        terms = [] if weaker is None else [(first[0], weaker)]
        shares, asked = zip(*([first, *others] if weaker is None else others), strict=True)
        return _total([*terms, *zip(shares, _answers(generator, state, level, asked), strict=True)])

    if isinstance(generator, Centred) and not natives and not negatives:
        return truncated(mixed, generator.typical, scale)
    return mixed


def truncated(predict: Predict, typical: Callable[[State], Points], scale: float) -> Predict:
    """``predict`` as far from what is typical as ``scale`` says; 0 is the typical point, 1 the predicted one.

    Source: Brock et al. 2018 (arXiv:1809.11096), section 3.1, in the linear form of Karras et al. 2019
    (arXiv:1812.04948), appendix B.
    """

    def nearer(state: State, level: Level) -> Estimate:
        estimate = predict(state, level)
        return estimate.at(torch.lerp(typical(state), estimate.point, scale))

    return nearer


def _contrast(generator: Generator, state: State, level: Level, first: tuple[float, Conditions]) -> Estimate | None:
    """What takes the place of the answer under no condition, where guidance leads away from that; None if nothing."""
    share, given = first
    return generator.contrast(state, level) if share < 0 and not given and isinstance(generator, Contrasting) else None


def _answers(generator: Generator, state: State, level: Level, asked: Sequence[Conditions]) -> Sequence[Estimate]:
    """What the generator says under each set of conditions."""
    if isinstance(generator, Joint):
        return generator.predict_jointly(state, level, asked)
    return [generator.predict(state, level, given) for given in asked]


def weights(strengths: Sequence[float], scale: float) -> list[float]:
    """Weights of ``e(), e(c_1), ..., e(c_1..c_n)`` for strengths in descending order; they add to one."""
    gains = [scale * strength for strength in strengths]
    return [left - right for left, right in zip([1.0, *gains], [*gains, 0.0], strict=True)]


def prefixes(natives: Sequence[Native], scale: float, negatives: Conditions) -> list[tuple[float, Conditions]]:
    """The weights that are not zero, each with the conditions under which the generator is asked.

    A negative without a positive counterpart is answered by the null condition at strength 1, so that it pushes away.
    """
    mixable = [native for native in natives if native.mixable]
    unanswered = set(negatives) - {native.port for native in mixable}
    wishes: list[tuple[float, str, Condition | None]] = [(1.0, port, None) for port in sorted(unanswered)]
    wishes += [(native.guidance.strength, native.port, native.condition) for native in mixable]
    wishes.sort(key=lambda wish: -wish[0])
    stages = [{**negatives, **{native.port: native.condition for native in natives if not native.mixable}}]
    for _, port, condition in wishes:
        stages.append(_add(stages[-1], port, condition, negatives.get(port)))
    shares = weights([strength for strength, _, _ in wishes], scale)
    return [(share, stage) for share, stage in zip(shares, stages, strict=True) if share != 0]


def _add(stage: Conditions, port: str, condition: Condition | None, negative: Condition | None) -> dict[str, Condition]:
    """``stage`` with one more condition: in place of the negative, or after the tokens that are there already."""
    others = {name: given for name, given in stage.items() if name != port}
    there = stage.get(port)
    if condition is None:
        return others
    return {**others, port: condition if there is None or there is negative else _join(there, condition)}


def _join(first: Condition, second: Condition) -> Condition:
    """Two conditions made of tokens as one longer row of tokens."""
    value, mask = torch.cat([first.value, second.value], 1), torch.cat([_counted(first), _counted(second)], 1)
    return Condition(first.layout, value, first.present | second.present, mask)


def _counted(condition: Condition) -> Counted:
    """(B, L) True where a token counts; an absent item has none."""
    mask = condition.mask
    every = condition.value.new_ones(condition.value.shape[:2], dtype=torch.bool) if mask is None else mask
    return every & condition.present[:, None]


def _total(terms: Sequence[tuple[float, Estimate]]) -> Estimate:
    """The affine sum, shown by the decoder of the last (most guided) term."""
    (weight, estimate), *_ = terms[::-1]
    if len(terms) == 1:
        return estimate
    point = weight * estimate.point
    for weight, term in terms[:-1]:
        point = point + weight * term.point
    return estimate.at(point)
