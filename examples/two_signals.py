"""A drawing and words at once, each with its own strength and its own part of the walk."""

from pathlib import Path

import misen
from misen import Guidance, Sketch, Text

DRAWING = Path(__file__).parent / "inputs" / "sketch-round-glasses.png"

model = misen.load("avatars/diffusion")
result = model.synthesize(
    Guidance(signal=Sketch.open(DRAWING), strength=0.7),
    Guidance(signal=Text("a woman with green hair and an orange shirt"), window=(0.0, 0.8)),
    seed=71,
)
result.images[0].save("drawing-and-words.png")
