"""How talking networks learn: first what a sound does to a face, then to paint it, against critics of patches.

Source: Chen et al. 2019, ATVG (arXiv:1905.03820), section 3, and Zhou et al. 2020, MakeItTalk (arXiv:2004.12992),
section 3.3, for both parts; Prajwal et al. 2020, Wav2Lip (arXiv:2008.10010), section 3, for a sync expert that is never
trained here; deviations: pixels near the mouth count more by a fixed map, and the expert looks at the mouth that an
observer sees in the pictures.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from misen.core.condition import Condition
from misen.core.generator import Player
from misen.core.shapes import Images, PerItem, Scalar, Tokens
from misen.generators.gan.talking.content import REACH
from misen.generators.gan.talking.face import Face
from misen.generators.gan.talking.motion import Motions
from misen.generators.gan.talking.network import TalkingNetwork
from misen.generators.gan.translation.field import Conditions
from misen.generators.gan.translation.players import Critic, CriticSettings, PainterWeights, among
from misen.nn.adversarial import ADVERSARIAL
from misen.nn.discriminators import Opinion, feature_gap
from misen.nn.heat_maps import heat_maps
from misen.nn.perceptual import Features, maps_distance
from misen.nn.sound import Waveforms
from misen.perception.heard import Listen
from misen.perception.hearing import as_recorded
from misen.perception.senses import Look
from misen.perception.sync import SPAN, SyncExpert, mouth_track
from misen.scene.anatomy import LANDMARKS

Loss = tuple[Scalar, Mapping[str, float]]
LIPS = [index for index, name in enumerate(LANDMARKS) if "lip" in name or "mouth" in name or name == "chin"]
NEAR = 4 / 64
"""How far from one of these a pixel counts as near the mouth, in widths of the picture."""
PACE = 0.5
"""Weight of how a motion goes on from frame to frame, beside where it is."""


@dataclass(frozen=True)
class Weights(PainterWeights):
    """Of the losses of a painter of talking faces.

    Attributes:
        mouth: of the absolute error near the mouth.
        sync: of what the sync expert does not find in the mouth; 0 asks no expert.
    """

    mouth: float = 3.0
    sync: float = 0.0


@dataclass(frozen=True)
class Expert:
    """Who knows whether a mouth moves with a sound, and how the mouth is seen; both are never trained here.

    Attributes:
        look: an observer.
        sync: a sync expert.
    """

    look: Look
    sync: SyncExpert

    def doubt(self, image: Float[Tensor, "pictures 3 _ _"], sound: Waveforms, frames: int) -> PerItem:
        """(B,) 1 - cosine of what is heard and seen, in the middle of clips (B * frames, 3, H, W) of >= 5 frames.

        Args:
            image: the frames, clip-major.
            sound: of the frames and the 8 before and behind them.
            frames: of a clip.
        """
        heard = self.sync.sound(sound)[:, REACH:-REACH]
        seen = self.sync.mouth(mouth_track(self.look, image, frames))
        whole = slice(SPAN // 2, frames - SPAN // 2)
        return 1 - (heard * seen).sum(dim=2)[:, whole].mean(dim=1)


class TalkingGame:
    """A network that talks, and its critics.

    Both parts learn from batches that hold "sound" (B, T), of F frames and the 8 before and behind them, and "face"
    (B, D), whose they are. The first has the "lesson" of each frame (B, F, ...), the second "pictures" (B, F, 3, S, S)
    and, for a motion that has a name, the true "motion" (B, F, numbers). The critics look at what was painted a moment
    before, so that each picture is painted once a step.

    Args:
        networks: what talks.
        listen: a frozen network of hearing.
        features: a frozen network's feature maps, for perceptual distances.
        weights: of the painter's losses.
        critic: size of the critics.
        expert: who is asked if ``weights.sync`` is not 0.
        still: share of the clips in which nothing is said, and the face stays as it is.
    """

    def __init__(
        self,
        networks: TalkingNetwork,
        listen: Listen,
        features: Features,
        weights: Weights,
        critic: CriticSettings,
        expert: Expert | None = None,
        still: float = 0.1,
    ) -> None:
        self.networks, self.listen, self.features = networks, listen, features
        self.weights, self.expert, self.still = weights, expert, still
        self.critic = Critic(critic, networks.widths, networks.settings.side)
        self.loss = ADVERSARIAL[weights.adversarial]
        self.last: Scene | None = None

    def beginners(self) -> Iterator[Player]:
        """Who learns what a sound does to a face, before there is anything to paint."""
        yield SpeechPlayer(self.networks, self.listen)

    def players(self) -> Iterator[Player]:
        """The painter moves first."""
        yield RenderingPlayer(self)
        yield CriticPlayer(self)


class SpeechPlayer:
    """Learns what is known of the motion, and how it goes on from frame to frame."""

    name = "speech"

    def __init__(self, networks: TalkingNetwork, listen: Listen) -> None:
        self.networks, self.listen = networks, listen
        self.module: nn.Module = nn.ModuleList([networks.content, networks.motion])

    def loss(self, batch: Mapping[str, Any], step: int) -> Loss:
        """How far off what is told is, in the unit of the lesson."""
        motion, face = self.networks.motion, Face.of(batch["face"], self.networks.settings.size)
        told = motion.told(self.networks.content(heard(self.listen, batch["sound"])), face)
        wrong = (told - batch["lesson"]) / motion.unit
        terms = {"place": smooth(wrong), "pace": smooth(wrong.diff(dim=1))}
        figures = {"error": wrong.detach().abs().mean(), **terms}
        return terms["place"] + PACE * terms["pace"], {name: value.item() for name, value in figures.items()}


@dataclass(frozen=True)
class Scene:
    """What is to be painted, and what was.

    Attributes:
        face: N = B * F faces, clip-major.
        guides: the maps that lead the painter, and that the critics see.
        true: (N, 3, S, S) the true pictures.
        still: (B,) of which clips nothing is said.
        image: (N, 3, S, S) what was painted.
    """

    face: Face
    guides: Conditions
    true: Images
    still: Bool[Tensor, " clips"]
    image: Float[Tensor, "batch 3 height width"]

    def detached(self) -> Scene:
        """The same, past which no gradient flows."""
        guides = {name: Condition(one.layout, one.value.detach(), one.present) for name, one in self.guides.items()}
        return Scene(self.face, guides, self.true, self.still, self.image.detach())


class RenderingPlayer:
    """Paints talking faces, pleases the critics, and comes near the true pictures, most of all near the mouth."""

    name = "painter"

    def __init__(self, game: TalkingGame) -> None:
        self.game = game
        self.module: nn.Module = game.networks
        self.weights = {name: weight for name, weight in asdict(game.weights).items() if name != "adversarial"}

    def loss(self, batch: Mapping[str, Any], step: int) -> Loss:
        """The painter's loss on one batch."""
        scene = self._paint(batch)
        self.game.last = scene.detached()
        terms = self.terms(scene, batch)
        total = torch.stack([self.weights.get(name, 1.0) * term for name, term in terms.items()]).sum()
        return total, {name: term.item() for name, term in terms.items()}

    def terms(self, scene: Scene, batch: Mapping[str, Any]) -> dict[str, Scalar]:
        """What the painter pays for, by name, before it is weighed."""
        critique, gap = self._critique(scene)
        wrong = (scene.image - scene.true).abs().mean(dim=1)
        with torch.no_grad():
            true = tuple(self.game.features(scene.true))
        terms = {
            "adversarial": critique,
            "features": gap.mean(),
            "lpips_coach": maps_distance(tuple(self.game.features(scene.image)), true).mean(),
            "absolute": wrong.mean(),
            "mouth": (near(scene.face) * wrong).mean(),
        }
        if self.game.expert is None:
            return terms
        doubt = self.game.expert.doubt(scene.image, batch["sound"], batch["pictures"].shape[1])
        return {**terms, "sync": among(doubt, ~scene.still)}

    def _paint(self, batch: Mapping[str, Any]) -> Scene:
        """The pictures of a batch, painted."""
        networks, frames = self.game.networks, batch["pictures"].shape[1]
        face = Face.of(batch["face"], networks.settings.size)
        still = torch.rand(len(batch["face"]), device=batch["face"].device) < self.game.still
        motion = torch.where(still[:, None, None], networks.motion.rest(face)[:, None], self._motion(batch, face))
        true = torch.where(still[:, None, None, None, None], face.picture[:, None], batch["pictures"])
        motion, face = motion.flatten(0, 1), face.repeat(frames)
        guides = networks.guides(motion, face)
        return Scene(face, guides, true.flatten(0, 1), still, networks.painted(motion, guides, face))

    def _motion(self, batch: Mapping[str, Any], face: Face) -> Motions:
        """The true motion where it has a name, and else what is heard."""
        networks = self.game.networks
        if networks.motion.named:
            true: Tensor = batch["motion"]
            return true
        return networks.hear(heard(self.game.listen, batch["sound"]), face)

    def _critique(self, scene: Scene) -> tuple[Scalar, PerItem]:
        """What the game costs, and how far the critics' features are from those of the true pictures."""
        made = self.game.critic(scene.image, scene.guides)
        with torch.no_grad():
            real = self.game.critic(scene.true, scene.guides)
        costs = [self.game.loss.generator(b.logits, a.logits) for a, b in zip(made, real, strict=True)]
        return torch.stack(costs).mean(), feature_gap(made, real)


class CriticPlayer:
    """Tells painted pictures from true ones, of a face and a motion."""

    name = "critic"

    def __init__(self, game: TalkingGame) -> None:
        self.game = game
        self.module: nn.Module = game.critic

    def loss(self, batch: Mapping[str, Any], step: int) -> Loss:
        """The critics' loss on the true pictures and on what was just painted."""
        scene = self.game.last
        assert scene is not None, "the painter moves first"
        real, made = (self._opinions(image, scene) for image in (scene.true, scene.image))
        costs = [self.game.loss.discriminator(a.logits, b.logits) for a, b in zip(real, made, strict=True)]
        told = {"real": real[0].logits.mean().item(), "made": made[0].logits.mean().item()}
        return torch.stack(costs).mean(), told

    def _opinions(self, image: Images, scene: Scene) -> list[Opinion]:
        opinions: list[Opinion] = self.game.critic(image, scene.guides)
        return opinions


@torch.no_grad()
def heard(listen: Listen, sound: Waveforms) -> Tokens:
    """(B, F, D) what is heard of sounds through a microphone each."""
    return listen(as_recorded(sound)).hidden


def smooth(wrong: Motions) -> Scalar:
    """The mean of errors in their unit, of those below it of their squares."""
    return functional.smooth_l1_loss(wrong, torch.zeros_like(wrong))


def near(face: Face) -> Float[Tensor, "batch height width"]:
    """(B, S, S) how near the mouth each pixel is, 1 on average."""
    size = face.picture.shape[-1]
    weight = heat_maps(face.points[:, LIPS], size, NEAR * size).amax(dim=1)
    return weight / weight.mean(dim=(1, 2), keepdim=True)
