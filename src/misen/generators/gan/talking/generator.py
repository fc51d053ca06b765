"""The generator: a motion and a face as the state, and as the estimate.

A prediction takes the face that is given, and moves it as the middle of the sound says. What nobody gives stays as it
is: a face without a sound is itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from misen.core.condition import Condition, Encoder
from misen.core.errors import ModelFileError
from misen.core.estimate import Estimate
from misen.core.generator import Level
from misen.core.port import Port
from misen.core.seeding import Streams
from misen.core.shapes import Flags, Images, Vectors
from misen.core.view import View
from misen.generators.gan.state import LatentState
from misen.generators.gan.talking import face as faces
from misen.generators.gan.talking.content import surroundings
from misen.generators.gan.talking.face import Face, FaceEncoder
from misen.generators.gan.talking.network import TalkingNetwork, TalkingSettings
from misen.perception import coach
from misen.perception.reading import Reading

Faces = Float[Tensor, "batch numbers"]
"""Faces as numbers."""


@dataclass(frozen=True)
class Entrances:
    """The ports.

    Attributes:
        sound: the one that takes what is heard of each frame.
        heard: numbers of that.
        face: the one that takes somebody's picture.
    """

    sound: str
    heard: int
    face: str


class TalkingGenerator:
    """Lets a face say what is heard.

    The frames of a clip are items of a batch, each with the sound around it.

    Args:
        networks: what is heard, and a face, to pictures.
        entrances: the ports.
        card: what is known of the model.

    Attributes:
        kind: by which its folder is opened.
        ports: by name. What is given replaces what was there, so nothing can be extrapolated from its absence.
        size: height and width of its pictures, in pixels.
    """

    kind = "talking"

    def __init__(self, networks: TalkingNetwork, entrances: Entrances, card: Mapping[str, Any] | None = None) -> None:
        self.networks, self.entrances, self.card = networks, entrances, dict(card or {})
        self.size = networks.settings.size
        self._numbers = networks.motion.numbers, faces.width(self.size)
        self._unit = math.sqrt(self._numbers[1] / self._numbers[0])
        self.ports: Mapping[str, Port] = {
            entrances.sound: Port("tokens", entrances.heard, frozenset({entrances.sound}), mixable=False),
            entrances.face: Port("vector", self._numbers[1], frozenset({entrances.face}), mixable=False),
        }

    @property
    def architecture(self) -> dict[str, Any]:
        """What a card records, so that the networks can be rebuilt."""
        return {"network": asdict(self.networks.settings), "entrances": asdict(self.entrances)}

    @classmethod
    def built(cls, architecture: Mapping[str, Any], card: Mapping[str, Any]) -> TalkingGenerator:
        """One with untrained networks, as a card describes it; raises ``KeyError`` or ``TypeError`` if it does not."""
        settings, entrances = TalkingSettings(**architecture["network"]), Entrances(**architecture["entrances"])
        return cls(TalkingNetwork(settings, entrances.heard), entrances, card)

    # --- answering ---------------------------------------------------------------------------------------------------

    def start(self, batch: int, rng: Streams) -> LatentState:
        """Nobody, who says nothing; nothing is drawn."""
        return _posed(torch.zeros(batch, sum(self._numbers), device=rng.device), drawn=True)

    def predict(self, state: LatentState, level: Level, conditions: Mapping[str, Condition]) -> Estimate:
        """The face that is given, in the motion that is heard; one that is given at the beginning rests by itself."""
        motion, face = self._parted(state.value)
        known = torch.zeros(len(motion), dtype=torch.bool, device=motion.device)
        if (shown := conditions.get(self.entrances.face)) is not None:
            known = shown.present
            face = torch.where(known[:, None], shown.value, face)
            if state.drawn:
                motion = torch.where(known[:, None], self.networks.motion.rest(self._face(face)), motion)
        if (heard := conditions.get(self.entrances.sound)) is not None:
            said = self.networks.hear(surroundings(heard), self._face(face))[:, 0]
            motion = torch.where(heard.present[:, None], said, motion)
        return Estimate(self._joined(motion, face), self._viewer(known, level))

    def finish(self, state: LatentState) -> Images:
        """The picture of a face in a motion."""
        return self._shown(*self._parted(state.value)).clamp(-1, 1)

    def own_encoders(self, usual: Mapping[str, Encoder]) -> Mapping[str, Encoder]:
        """Who shows somebody is read as a face."""
        return {self.entrances.face: FaceEncoder(_look, self.size)}

    def _viewer(self, known: Flags, level: Level) -> Callable[[Vectors], View]:
        """Paints points; energies do not move faces that are given."""

        def view(point: Vectors) -> View:
            motion, face = self._parted(point)
            bound = torch.where(known[:, None], face.detach(), face)
            return View(self._shown(motion, bound), level=level.progress)

        return view

    def _shown(self, motion: Vectors, face: Faces) -> Images:
        return self.networks.paint(motion, self._face(face))

    def _face(self, numbers: Faces) -> Face:
        return Face.of(numbers, self.size)

    def _joined(self, motion: Vectors, face: Faces) -> Tensor:
        """The point of a motion and a face, of which neither outweighs the other."""
        return torch.cat([motion, face / self._unit], dim=1)

    def _parted(self, point: Vectors) -> tuple[Tensor, Tensor]:
        """The motion and the face of a point."""
        motion, face = point.split(self._numbers, dim=1)
        return motion, self._unit * face

    # --- keeping ----------------------------------------------------------------------------------------------------

    def pack(self, state: LatentState) -> dict[str, Tensor]:
        """The motion and the face, in one row."""
        return {"pose": state.value}

    def unpack(self, tensors: Mapping[str, Tensor]) -> LatentState:
        """A face in a motion; raises ``ModelFileError`` unless there is one of this model's size."""
        pose, wanted = tensors.get("pose"), sum(self._numbers)
        if pose is None or pose.ndim != 2 or pose.shape[1] != wanted:
            found = "none" if pose is None else str(tuple(pose.shape))
            message = f"a state of this model is a pose (B, {wanted}), found {found}"
            raise ModelFileError(message, field="state", hint="make the state with this model")
        return _posed(pose)


def _posed(value: Vectors, *, drawn: bool = False) -> LatentState:
    """A state of the family, to which no noise belongs."""
    return LatentState(value, value.new_zeros(len(value), 0), drawn=drawn)


def _look(images: Images) -> Reading:
    """What the coach sees; its observer is opened when it first looks."""
    reading: Reading = coach.observer()(images)
    return reading
