"""A negative prompt: words the picture is pushed away from."""

import misen
from misen import Text

model = misen.load("avatars/diffusion")
for name, negative in {"anything": None, "no-hat": "a hat, glasses"}.items():
    result = model.synthesize(Text("an old man"), negative_prompt=negative, seed=74)
    result.images[0].save(f"old-man-{name}.png")
