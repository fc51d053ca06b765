"""Guided sampling, written once for all families: plan, then walk with mix, correct and project.

Guidance wraps the function that predicts, never the loop, so samplers need to know nothing about it:
``sampler.step`` is handed ``project(correct(mix(generator.predict)))``.
"""

from misen.synthesis.loop import Resume, Start, Synthesis, synthesize
from misen.synthesis.plan import Decision, Plan, plan
from misen.synthesis.project import Constraint, Known, LowPass
from misen.synthesis.trace import Moment, Step, Watch, silent

__all__ = [
    "Constraint",
    "Decision",
    "Known",
    "LowPass",
    "Moment",
    "Plan",
    "Resume",
    "Start",
    "Step",
    "Synthesis",
    "Watch",
    "plan",
    "silent",
    "synthesize",
]
