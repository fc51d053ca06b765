"""Image to image: strength 0 keeps the picture, strength 1 ignores it."""

from pathlib import Path

import misen
from misen import Text

PAINTING = Path(__file__).parent / "inputs" / "painting.png"

model = misen.load("avatars/diffusion")
for strength in (0.0, 0.4, 0.8):
    result = model.edit(PAINTING, Text("a woman with red hair and sunglasses"), strength=strength, seed=81)
    result.images[0].save(f"changed-{strength:g}.png")
