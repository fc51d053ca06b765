"""Pictures from words, in English and Chinese; picture k of several uses seed + k."""

import misen
from misen import Text

model = misen.load("avatars/diffusion")
for name, words in {
    "woman": "a smiling woman with red hair and round glasses",
    "man": "一个戴着黑色高帽的老爷爷",
}.items():
    result = model.synthesize(Text(words), seed=7, num_images=2)
    for picture in result.images:
        picture.save(f"{name}-{picture.seed}.png")
