"""Casting: whose face a film shows, where the film's model needs a picture of one and nobody gave any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from misen import assembly
from misen.app import checks
from misen.app.animation import Animation
from misen.app.clip import Clip
from misen.app.model import Model, load
from misen.app.progress import Callback
from misen.app.request import Request
from misen.app.wishes import Wish, asked
from misen.core.guidance import Guidance
from misen.core.image import from_bytes, to_bytes
from misen.core.shapes import Images
from misen.core.signal import Moving, Signal
from misen.media.picture import Source


@dataclass(frozen=True)
class Face:
    """A picture of a face that is still to be made.

    Attributes:
        model: makes it.
        request: for it.
    """

    model: Model
    request: Request

    @property
    def blank(self) -> Tensor:
        """(3, H, W), what stands for it until it is made."""
        return torch.zeros(3, self.request.height, self.request.width)

    def picture(self, callback: Callback | None = None) -> Images:
        """Make it, (1, 3, H, W) in [-1, 1] as a file would hold it."""
        made = self.model.fulfil(self.request, callback=callback).images[0].tensor
        return from_bytes(to_bytes(made[None]))


@dataclass(frozen=True)
class Cast:
    """Who makes a film, and who makes the face in it.

    Attributes:
        model: makes the film.
        outline: the order for the film, in which a face that is still to be made is blank.
        face: the order for that; None if there is a face.
    """

    model: Model
    outline: Clip
    face: Face | None = None

    def clip(self, callback: Callback | None = None) -> Clip:
        """The order for the film, with the face, which is made now if it is missing.

        Raises:
            Unreachable: a guidance of the film that no route can follow; no face has been made.
        """
        if self.face is None:
            return self.outline
        self.model.decide(self.outline.request)
        return self._showing(assembly.portrait(self.face.picture(callback)))

    def _showing(self, portrait: Signal) -> Clip:
        request = self.outline.request
        guidances = (_instead(wish, portrait) for wish in request.guidances)
        return replace(self.outline, request=replace(request, guidances=tuple(guidances)))


def cast(
    model: Model,
    *wishes: Wish,
    image: Source | Tensor | None = None,
    face_model: str | Path | None = None,
    seed: int | None = None,
    **settings: Any,
) -> Cast:
    """Find out whether a face has to be made first.

    If so, the film is guided by what moves it and by what its model was trained on, and the face by all else.

    Args:
        model: of the film.
        wishes: what guides.
        image: a picture of the face.
        face_model: what makes one if it is needed; the usual model if left out.
        seed: of the face and of the film; drawn when left out.
        settings: see ``Model.clip``.
    """
    [seed] = checks.seeds(seed, 1)
    guidances, _ = asked(wishes, None, 1)
    if image is not None or not model.needs_faces or assembly.PORTRAIT in {wish.modality for wish in guidances}:
        return Cast(model, model.clip(*guidances, image=image, seed=seed, **settings))
    own, others = _divided(guidances, model)
    painter = load(face_model, device=model.device)
    face = Face(painter, painter.request(*others, seed=seed))
    return Cast(model, model.clip(*own, image=face.blank, seed=seed, **settings), face)


def animate(
    *wishes: Wish,
    image: Source | Tensor | None = None,
    model: str | Path | None = None,
    face_model: str | Path | None = None,
    device: str = "cpu",
    callback_on_step_end: Callback | None = None,
    **settings: Any,
) -> Animation:
    """Let a face talk: ``animate(Audio.open("speech.wav"), image="face.png").save("talk.mp4")``.

    Args:
        wishes: what guides; one of them moves and lasts as long as the film.
        image: a picture of the face; where it is missing and needed, one is made of the other wishes and the seed.
        model: makes the film; ``avatars/talking`` if left out.
        face_model: makes a missing face; the usual model if left out.
        device: where networks go.
        callback_on_step_end: sees each step; may raise ``Cancelled``.
        settings: see :meth:`Model.clip`.

    Raises:
        NotFoundError: there is no such model.
        InputError: an argument outside what is accepted; nothing has been computed.
        Unreachable: a guidance that no route can follow; nothing has been computed.
    """
    opened = load(model or assembly.TALKING, device=device)
    chosen = cast(opened, *wishes, image=image, face_model=face_model, **settings)
    return opened.film(chosen.clip(callback_on_step_end), callback_on_step_end)


def _divided(guidances: Sequence[Guidance], model: Model) -> tuple[list[Guidance], list[Guidance]]:
    """What guides the film where a face is made for it, and what guides the face."""
    own = [wish for wish in guidances if isinstance(wish.signal, Moving) or wish.modality in model.native]
    return own, [wish for wish in guidances if wish not in own]


def _instead(wish: Guidance, portrait: Signal) -> Guidance:
    return replace(wish, signal=portrait) if wish.modality == portrait.modality else wish
