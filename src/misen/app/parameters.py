"""The ``parameters`` text that other tools read from a PNG: prompt, negative prompt, and one line of settings.

Source: the grammar of the AUTOMATIC1111 web UI: a value with a comma, newline or colon is written as a JSON string.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from misen import __version__
from misen.app.recipe import Recipe, SignalEntry
from misen.assembly import WORDS


def parameters(recipe: Recipe) -> str:
    """The text for a recipe of one picture."""
    prompt, negative = _words(recipe.guidances), _words(recipe.negatives)
    settings = ", ".join(f"{key}: {_quoted(value)}" for key, value in _settings(recipe))
    lines = [prompt, f"Negative prompt: {negative}" if negative else "", settings]
    return "\n".join(line for line in lines if line)


def _words(entries: Sequence[SignalEntry]) -> str:
    """The prompts among some signals, whole."""
    return ", ".join(str(item[WORDS]) for entry in entries if entry.modality == WORDS for item in entry.content)


def _settings(recipe: Recipe) -> Iterator[tuple[str, object]]:
    yield "Steps", recipe.num_inference_steps
    yield "Sampler", recipe.sampler
    yield "CFG scale", f"{recipe.guidance_scale:g}"
    yield "Seed", recipe.seeds[0]
    yield "Size", f"{recipe.width}x{recipe.height}"
    yield "Model hash", recipe.model.sha256[:10]
    yield "Model", recipe.model.name
    if recipe.canvas is not None:
        yield "Denoising strength", f"{recipe.canvas.strength:g}"
    if recipe.upscaler is not None:
        yield "Hires upscaler", recipe.upscaler.name
    for entry in recipe.guidances:
        if entry.modality != WORDS:
            yield f"Guidance {entry.modality}", f"{entry.route}, strength {entry.strength:g}"
    yield "Version", f"misen {__version__}"


def _quoted(value: object) -> str:
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if any(mark in text for mark in ",\n:") else text
