"""``misen animate``: a face that talks."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from misen.cli.options import Group, Json, ModelName, Overwrite, refuse_together, sides
from misen.cli.wishes import Wishes

if TYPE_CHECKING:
    from misen.app import Cast


@dataclass(frozen=True)
class Filming(Group):
    """How a film is made; what is left out takes the model's default."""

    model: ModelName = None
    face_model: Annotated[
        str | None, typer.Option(metavar="NAME", help="What makes a face, where there is no IMAGE.")
    ] = None
    seed: Annotated[int | None, typer.Option(help="Of the film, and of the face; drawn when left out.")] = None
    steps: Annotated[int | None, typer.Option(help="Length of the walk of each frame, 1 to 1000.")] = None
    fps: Annotated[int | None, typer.Option(help="Frames per second, 1 to 60; 25 if left out.")] = None
    size: Annotated[str | None, typer.Option(metavar="N", help="Size in pixels, such as 256.")] = None

    def given(self) -> dict[str, Any]:
        """What a person set, by the name of its field."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def settings(self) -> dict[str, Any]:
        """Arguments of ``app.cast``."""
        width, height = sides(self.size) if self.size else (None, None)
        found = {
            "face_model": self.face_model, "seed": self.seed, "num_inference_steps": self.steps, "fps": self.fps,
            "width": width, "height": height,
        }  # fmt: skip
        return {name: value for name, value in found.items() if value is not None}


@dataclass(frozen=True)
class Showing(Group):
    """Where a film goes, and what is printed."""

    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="TALK.mp4", help="Where the film goes, or a folder.")
    ] = Path()
    overwrite: Overwrite = False
    explain: Annotated[bool, typer.Option("--explain", help="Print the plan without running it.")] = False
    json: Json = False

    def target(self, seed: int) -> Path:
        """The name of the film; in a folder it is made from the seed."""
        return self.out / f"misen-{seed}.mp4" if self.out.is_dir() else self.out


def animate(
    image: Annotated[
        Path | None, typer.Argument(metavar="[IMAGE]", help="A face; left out, one is made of the other guidance.")
    ] = None,
    *,
    recipe: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A recipe in JSON, or a film made by one; says everything.")
    ] = None,
    wishes: Wishes,
    filming: Filming,
    showing: Showing,
) -> None:
    """Let a face talk: a film with the sound in it, by avatars/talking unless you say otherwise."""
    order = _recalled(recipe, image, wishes, filming) if recipe else _cast(image, wishes, filming)
    if showing.explain:
        _explain(order, json=showing.json)
    else:
        _make(order, showing)


def _recalled(recipe: Path, image: Path | None, wishes: Wishes, filming: Filming) -> Cast:
    """The order that a recipe describes."""
    from misen import app

    given = {**({"image": image} if image else {}), **wishes.given(), **filming.given()}
    refuse_together("--recipe", given, "a recipe says everything; edit it instead")
    return app.Cast(*app.prepare_film(app.Recipe.read(recipe)))


def _cast(image: Path | None, wishes: Wishes, filming: Filming) -> Cast:
    """The order that the options describe."""
    from misen import app
    from misen.assembly import TALKING

    guidances = wishes.guidances()  # before a model is opened
    model = app.load(filming.model or TALKING)
    return app.cast(model, *guidances, image=image, **filming.settings())


def _make(order: Cast, showing: Showing) -> None:
    """Make the film, and print where it is."""
    from misen.app.animation import film_destination
    from misen.cli.meter import metered
    from misen.cli.printing import print_json

    [seed] = order.outline.request.seeds
    path = film_destination(showing.target(seed), overwrite=showing.overwrite)
    with metered() as meter:
        clip = order.clip(lambda progress: meter(progress.fraction, "the face"))
    with metered() as meter:
        film = order.model.film(clip, lambda progress: meter(progress.fraction, f"{len(clip)} frames"))
    film.save(path, overwrite=showing.overwrite)
    if showing.json:
        face = {"face": order.face.model.name} if order.face else {}
        print_json({"film": str(path), "model": order.model.name, **face, **film.report()})
    else:
        print(f"{path}  {film.frames} frames, seed {film.seed}")


def _explain(order: Cast, *, json: bool) -> None:
    """Print what would be done, and what it would take."""
    from misen.app import forecast
    from misen.cli.printing import print_json
    from misen.cli.production import Outlook

    model, clip = order.model, order.outline
    film = Outlook(model.name, model.decide(clip.request), forecast(model, clip.part(range(1))))
    face = Outlook.on(order.face.model, order.face.request) if order.face else None
    if json:
        told = {"face": face.to_json()} if face else {}
        print_json({**film.to_json(), "frames": len(clip), "fps": clip.rate, **told})
        return
    if face:
        print(f"first a face, by {face.model}\n{face.explain()}\nthen the film")
    print(film.explain())
    print(f"{len(clip)} frames, {clip.rate} a second: {film.cost.seconds * len(clip):,.2g} s in all")
