"""A picture whose parts lie where a painted map says; what is free, such as colors, differs from seed to seed."""

from pathlib import Path

import misen
from misen import Segmentation

MAP = Path(__file__).parent / "inputs" / "segmentation-beanie.png"

model = misen.load("avatars/diffusion")
for picture in model.synthesize(Segmentation.open(MAP), seed=21, num_images=3).images:
    picture.save(f"from-map-{picture.seed}.png")
