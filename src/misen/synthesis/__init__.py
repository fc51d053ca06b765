"""Guided sampling, written once for all families: plan, then walk with mix, correct and project.

Guidance wraps the function that predicts, never the loop, so samplers need to know nothing about it:
``sampler.step`` is handed ``project(correct(mix(generator.predict)))``.
"""

from misen.synthesis.loop import Start, Synthesis, synthesize
from misen.synthesis.plan import Decision, Plan, plan
from misen.synthesis.project import Known
from misen.synthesis.trace import Moment, Step, Watch, silent

__all__ = ["Decision", "Known", "Moment", "Plan", "Start", "Step", "Synthesis", "Watch", "plan", "silent", "synthesize"]
