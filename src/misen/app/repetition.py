"""Repetition: the model and the request of a recipe, and its pictures made by them."""

from __future__ import annotations

from misen.app.dependencies import check
from misen.app.model import Deliver, Model, load
from misen.app.progress import Callback
from misen.app.recipe import Recipe
from misen.app.request import Request
from misen.app.result import Result
from misen.core.errors import InputError


def prepare(recipe: Recipe, *, device: str = "cpu") -> tuple[Model, Request]:
    """The model of a recipe, opened, and the request it describes.

    Raises:
        InputError: the recipe asks for what is not accepted, or for other weights of its model or other files.
        NotFoundError: its model is not here.
    """
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
