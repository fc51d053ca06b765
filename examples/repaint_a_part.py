"""Inpainting: what the mask leaves black stays as it is, to the last bit."""

from pathlib import Path

import misen
from misen import Text

INPUTS = Path(__file__).parent / "inputs"

model = misen.load("avatars/diffusion")
result = model.edit(INPUTS / "painting.png", Text("a red beanie"), mask=INPUTS / "mask-above-the-brows.png", seed=82)
result.images[0].save("with-a-hat.png")
assert result.change["kept"] == 0
