"""What a model would do and why, what it did, and the same picture again from the recipe inside its file."""

import misen
from misen import Camera, Text
from misen.app import Recipe, replay, run

model = misen.load("avatars/diffusion")
wishes = (Text("a man with a beard"), Camera(yaw=30))
print(model.plan(*wishes, num_inference_steps=8).explain())

result = model.synthesize(*wishes, num_inference_steps=8, seed=3)
path = result.images[0].save("planned.png")
print(f"{result.seconds:.1f} s for seed {result.images[0].seed}")

print(replay(path).status)
recipe = Recipe.read(path).model_copy(update={"seeds": (4, 5)})
for picture in run(recipe).images:
    picture.save(f"planned-{picture.seed}.png")
