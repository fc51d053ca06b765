"""Recall: what is written beside a picture, or beside what was tuned, for methods of editing that go on from there."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol, Self, runtime_checkable

from misen.app.recipe import Recipe
from misen.assembly import WORDS, Defaults, Opened
from misen.core.adapter import Adapter
from misen.core.errors import MisenError, ModelFileError
from misen.editing.methods.method import Method
from misen.nn.description import read_card


@runtime_checkable
class Recalling(Protocol):
    """Capability of a method of editing: has a use for the words and the seed that a picture was made from."""

    def recall(self, prompt: str, seed: int) -> Self:
        """The method with these, unless it was given others."""
        ...


@runtime_checkable
class Taught(Protocol):
    """Capability of a method of editing: does what a recipe tuned a model to do.

    Attributes:
        adapter: the folder of what was learned, whose card names the model.
    """

    adapter: str


def require_base(method: Method, opened: Opened) -> None:
    """Raise ``ModelFileError`` if what a method uses was learned by other weights than those of this model."""
    if isinstance(method, Taught) and (base := read_card(Path(method.adapter))["base"])["sha256"] != opened.sha256:
        message = f"{method.adapter} was tuned on other weights of {base['name']} than those of {opened.name}"
        raise ModelFileError(message, field="adapter", hint="tune it again, on this model")


def recalled(method: Method, image: object, opened: Opened) -> tuple[Method, Defaults]:
    """The method and the defaults of an edit, with what the recipe inside the picture says of both.

    A recipe counts if it is this model's, at its own size, and tells nothing but words, a seed and how to sample.
    """
    recipe = _recipe(image) if isinstance(method, Recalling) else None
    if recipe is None or not _of(recipe, opened) or not _tells_words_alone(recipe, opened.generator.size):
        return method, opened.defaults
    told: Any = method
    words: Any = recipe.guidances[0].signal()
    [prompt], [seed] = words.prompts, recipe.seeds
    sampling: Any = (recipe.sampler, recipe.num_inference_steps, recipe.guidance_scale)
    return told.recall(prompt, seed), Defaults(*sampling)


def _recipe(image: object) -> Recipe | None:
    """The recipe inside a file, if there is a sound one."""
    try:
        return Recipe.read(image) if isinstance(image, str | Path) else None
    except MisenError:
        return None


def _of(recipe: Recipe, opened: Opened) -> bool:
    """Whether a recipe is of this model, changed by the same adapters, wherever they lie."""
    same_model = recipe.model.sha256 == opened.sha256
    return same_model and changing(entry.adapter() for entry in recipe.adapters) == changing(opened.adapters)


def changing(adapters: Iterable[Adapter]) -> list[tuple[str, float]]:
    """Digest and strength of those that change a model itself.

    ControlNets, which have a modality, act only where something guides through them.
    """
    return [(adapter.sha256, adapter.strength) for adapter in adapters if not adapter.modality]


def _tells_words_alone(recipe: Recipe, size: int) -> bool:
    """Whether a complete recipe of one picture of a size has one prompt, which acts as it usually does."""
    told = [(one.modality, len(one.content), one.strength, one.window, one.route) for one in recipe.guidances]
    run = (recipe.cache_interval, recipe.execution)
    rest = (recipe.canvas, recipe.negatives, len(recipe.seeds), recipe.height, recipe.width, *run)
    complete = None not in (recipe.sampler, recipe.num_inference_steps, recipe.guidance_scale)
    return complete and told == [(WORDS, 1, 1.0, (0.0, 1.0), "native")] and rest == (None, (), 1, size, size, 1, None)
