"""A picture that follows a drawing; `misen generate --sketch FILE` does the same."""

from pathlib import Path

import misen
from misen import Sketch

DRAWING = Path(__file__).parent / "inputs" / "sketch-top-hat.png"

model = misen.load("avatars/diffusion")
result = model.synthesize(Sketch.open(DRAWING), seed=12)
result.images[0].save("from-sketch.png")
