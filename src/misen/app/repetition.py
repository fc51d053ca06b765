"""Repetition: the model and the request of a recipe, and its pictures or its film made by them."""

from __future__ import annotations

from misen.app.animation import Animation
from misen.app.clip import Clip
from misen.app.dependencies import check
from misen.app.model import Deliver, Model, load
from misen.app.progress import Callback
from misen.app.recipe import Recipe
from misen.app.request import Request
from misen.app.result import Result
from misen.core.errors import InputError


def prepare(recipe: Recipe, *, device: str = "cpu") -> tuple[Model, Request]:
    """The model of a recipe of pictures, opened, and the request it describes.

    Raises:
        InputError: the recipe is of a film, asks for what is not accepted, or for other weights of its model or other
            files.
        NotFoundError: its model is not here.
    """
    if recipe.film is not None:
        hint = "`misen animate` makes films"
        raise InputError("the recipe is of a film, not of pictures", field="recipe", hint=hint)
    return _opened(recipe, device)


def prepare_film(recipe: Recipe, *, device: str = "cpu") -> tuple[Model, Clip]:
    """The same for a recipe of a film; raises ``InputError`` for one of pictures too."""
    if recipe.film is None:
        hint = "`misen generate` makes pictures"
        raise InputError("the recipe is of pictures, not of a film", field="recipe", hint=hint)
    model, request = _opened(recipe, device)
    return model, Clip.of(request, recipe.film.fps, recipe.film.at_once)


def _opened(recipe: Recipe, device: str) -> tuple[Model, Request]:
    model = load(recipe.model.name, device=device, adapters=[entry.adapter() for entry in recipe.adapters])
    if recipe.model.sha256 not in ("", model.opened.sha256):
        raise InputError(
            f"the recipe was made with other weights of {recipe.model.name}",
            field="model.sha256",
            hint="empty the digest to use these",
        )
    request = model.order(recipe)
    check(recipe.files, request)
    _check_upscaler(recipe, model)
    return model, request


def _check_upscaler(recipe: Recipe, model: Model) -> None:
    """Refuse a recipe made with another upscaler than the one here."""
    asked = recipe.upscaler
    here = None if asked is None else model.upscaler
    if asked is not None and here is not None and asked.sha256 not in ("", here.sha256):
        raise InputError(
            f"the recipe was made with other weights of {asked.name}",
            field="upscaler.sha256",
            hint="empty the digest to use these",
        )


def run(
    recipe: Recipe,
    *,
    device: str = "cpu",
    callback_on_step_end: Callback | None = None,
    callback_on_picture: Deliver | None = None,
) -> Result:
    """Make the pictures of a recipe; raises what :func:`prepare` raises, and ``Unreachable``."""
    model, request = prepare(recipe, device=device)
    return model.fulfil(request, 1, callback_on_step_end, callback_on_picture)


def run_film(recipe: Recipe, *, device: str = "cpu", callback_on_step_end: Callback | None = None) -> Animation:
    """Make the film of a recipe; raises what :func:`prepare_film` raises, and ``Unreachable``."""
    model, clip = prepare_film(recipe, device=device)
    return model.film(clip, callback_on_step_end)
