"""Prompt-to-prompt: words of a picture are changed, added or weighed, and the rest of it stays where it is."""

import misen
from misen import Text

model = misen.load("avatars/diffusion")
model.synthesize(Text("a man with a black hat"), seed=7).images[0].save("hat.png")
for name, words, method in (
    ("swapped", "a man with a red hat", "prompt-to-prompt:cross=0.6,self=0.3"),
    ("added", "a smiling man with a black hat and glasses", "prompt-to-prompt"),
    ("weighed", "a man with a black hat", "prompt-to-prompt:weights=hat=0.2"),
):
    result = model.edit("hat.png", Text(words), method=method)  # the picture knows its own words and seed
    result.images[0].save(f"hat-{name}.png")
