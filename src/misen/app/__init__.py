"""Use cases without transport: what the command line, the studio, the server and scripts call.

Make pictures::

    model = load("avatars/diffusion")            # a shipped model, a family's name, or a folder
    result = model.synthesize(Text("a bald man"), Guidance(signal=sketch, strength=0.8), seed=7, num_images=4)
    result = model.edit("in.png", Text("a red hat"), mask="mask.png", strength=0.6)
    model.invert("in.png", Text("a man")).save("state.safetensors")      # where the picture would come from
    result.images[0].save("out.png")             # a PNG that holds its recipe
    animate(Audio.open("speech.wav"), image="face.png").save("talk.mp4")     # a film, from model.animate and a face
    print(result.plan.explain())
    model = outline("folder")                    # a foreign model without its weights, which may be large ...
    forecast(model, model.request(...)).memory   # ... tells what pictures would take, in memory and time

Repeat and inspect::

    plan = model.plan(Text("a bald man"))        # the plan of the same arguments, nothing is computed
    result = run(Recipe.read("recipe.json"))     # one JSON document describes one or more pictures
    model, request = prepare(recipe)             # the same in two steps; model.decide(request), model.fulfil(request)
    verdict = replay("out.png")                  # identical | within tolerance | differs (field); films too
    film = run_film(Recipe.read("talk.mp4"))     # what run and prepare do for pictures; prepare_film
    cards = catalog()                            # what ships

Store::

    paths = destinations("a.png", count=4, overwrite=False)     # refuses before anything is computed
    render_world(100, Path("out"))                              # records of the avatar world with every modality
    convert("sd.safetensors", "sd", config="folder")             # other people's checkpoint as a folder to load

Everything a caller gets wrong is a ``MisenError``; see :mod:`misen.core.errors`.
"""

from misen.app.animation import Animation
from misen.app.casting import Cast, animate, cast
from misen.app.catalog import Card, catalog
from misen.app.clip import Clip
from misen.app.conversion import Converted, convert
from misen.app.destinations import destinations
from misen.app.forecast import Forecast, forecast
from misen.app.inversion import Inverted
from misen.app.model import Model, load, outline
from misen.app.recipe import Recipe
from misen.app.repetition import prepare, prepare_film, run, run_film
from misen.app.replay import Verdict, replay
from misen.app.result import Picture, Result
from misen.app.world import render_world

__all__ = [
    "Animation",
    "Card",
    "Cast",
    "Clip",
    "Converted",
    "Forecast",
    "Inverted",
    "Model",
    "Picture",
    "Recipe",
    "Result",
    "Verdict",
    "animate",
    "cast",
    "catalog",
    "convert",
    "destinations",
    "forecast",
    "load",
    "outline",
    "prepare",
    "prepare_film",
    "render_world",
    "replay",
    "run",
    "run_film",
]
