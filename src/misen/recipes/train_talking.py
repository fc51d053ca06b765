"""Talking faces on the avatar world: first what a sound does to a face, then to paint it.

Between both stands a motion: the points of the face, the coefficients of its 3DMM, or a code without a name, which goes
on learning while it is painted, and may be helped by a sync expert.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from misen.core.errors import ConfigError
from misen.core.sound import SAMPLES
from misen.data.clips import AROUND, FRAMES, CachedClips
from misen.data.speech import CachedSpeech
from misen.data.talking import mouthing, points_of
from misen.generators.gan import folder as files
from misen.generators.gan.talking.content import REACH
from misen.generators.gan.talking.face import POINTS, Face
from misen.generators.gan.talking.generator import Entrances, TalkingGenerator
from misen.generators.gan.talking.motion import Lesson
from misen.generators.gan.talking.network import TalkingNetwork, TalkingSettings
from misen.generators.gan.talking.players import Expert, TalkingGame, Weights
from misen.generators.gan.translation.players import CriticSettings
from misen.perception import coach
from misen.perception.sync import SPAN
from misen.recipes import train_gan
from misen.recipes.batches import StoredBatches
from misen.recipes.evaluate_talking import FACE, MEASURED, SOUND, evaluate, speakers, watch
from misen.recipes.shipping import Walking, card_of, rewritten
from misen.scene.record import Record
from misen.scene.splits import VALIDATION
from misen.training import Console, Evaluation, JsonLines, Outcome, Trainer, TrainingConfig, flushed_denormals

WATCHED = 4
"""Avatars of the validation range that are followed during training."""
READ = 100
"""Pictures that the coach reads together."""


@dataclass(frozen=True)
class Beginning(train_gan.Beginning):
    """How networks learn what a sound does to a face; where they differ from the run's, fields of its configuration.

    Attributes:
        batch_size: utterances per step.
    """

    max_minutes: float = 5.0
    lr: float = 2e-3
    batch_size: int = 32


@dataclass(frozen=True)
class Settings:
    """What is trained.

    Attributes:
        network: size and shape.
        critic: size of the critics.
        weights: of the painter's losses.
        frames: in a row that are painted of each clip, 1 to 5; a sync expert needs 5.
        still: share of the clips in which nothing is said.
        beginning: the time before there is anything to paint.
        defaults: what a caller need not say.
    """

    network: TalkingSettings = field(default_factory=TalkingSettings)
    critic: CriticSettings = field(default_factory=lambda: CriticSettings(width=32, scales=1))
    weights: Weights = field(default_factory=Weights)
    frames: int = FRAMES
    still: float = 0.1
    beginning: Beginning = field(default_factory=Beginning)
    defaults: Walking = field(default_factory=lambda: Walking(steps=40))


@dataclass(frozen=True)
class Data:
    """Where the world lies: the folders of a cache of speech and of one of clips."""

    speech: str
    clips: str


@flushed_denormals()
def train(config: TrainingConfig, folder: Path, *, resume: bool = False, allow: Collection[str] = ()) -> Outcome:
    """Train the network on what avatars say and on clips of them, measure it, and ship it as ``config.name``."""
    settings, data = config.section("model", Settings), config.section("data", Data)
    check_frames(settings)
    speech, clips = CachedSpeech(data.speech), CachedClips(data.clips)
    game = prepare(settings, config.seed)
    cast = Cast.read(clips, game.networks.motion.lesson)
    lessons = SpeechBatches(speech, cast, config.model_copy(update=asdict(settings.beginning)))
    begun = train_gan.begin(
        game, lessons, config, settings.beginning, folder / "beginning", resume=resume, allow=allow
    )
    generator = TalkingGenerator(game.networks, Entrances(SOUND, coach.hearing().width, FACE))
    batches = ClipBatches(cast, settings.frames, config)
    callbacks = [Console(), JsonLines(folder / "log.jsonl"), watcher(generator)]
    trainer = Trainer(game.players(), batches, config, folder=folder, callbacks=callbacks)
    outcome = trainer.run(resume=resume, allow=allow)
    with trainer.averaged():
        facts = {
            "data": {"speech": speech.fingerprint, "clips": clips.fingerprint},
            "beginning": {"samples": begun.samples, "minutes": round(begun.minutes, 2)},
            "figures": {name: asdict(figure) for name, figure in evaluate(generator, MEASURED).items()},
            **asdict(settings.defaults),
        }
        ship(generator, config, outcome, facts)
    return outcome


def check_frames(settings: Settings) -> None:
    """Refuse clips that are not there, or too short for the expert, with a ``ConfigError``."""
    least = SPAN if settings.weights.sync else 1
    if not least <= settings.frames <= FRAMES:
        message = f"model.frames must be from {least} to {FRAMES}, got {settings.frames}"
        raise ConfigError(message, field="model.frames", hint=f"a sync expert looks at {SPAN}")


def prepare(settings: Settings, seed: int) -> TalkingGame:
    """Untrained networks and critics, as ``seed`` draws them, and the coach's networks."""
    look, listen = coach.observer(), coach.hearing()
    expert = Expert(look, coach.sync()) if settings.weights.sync else None
    torch.manual_seed(seed)  # only now, since a network that is opened for the first time draws too
    networks = TalkingNetwork(settings.network, listen.width)
    return TalkingGame(networks, listen, look.pyramid, settings.weights, settings.critic, expert, settings.still)


def watcher(generator: TalkingGenerator) -> Evaluation:
    """Follows how mouths move on avatars that nobody learns from."""
    shown = list(speakers(VALIDATION, WATCHED))
    return Evaluation(lambda step: watch(generator, shown, coach.observer(), coach.hearing()))


def ship(generator: TalkingGenerator, config: TrainingConfig, outcome: Outcome, facts: Mapping[str, Any]) -> None:
    """Write the generator as the model ``config.name``."""
    card = card_of(generator.networks, config.name, config, outcome, {"family": "gan", **facts})
    with rewritten(config.name) as target:
        files.save(TalkingGenerator(generator.networks, generator.entrances, card), target)


# --- what is learned from --------------------------------------------------------------------------------------------


def _moved(record: Record, mouth: Tensor, points: Tensor) -> Tensor:
    """(B, F, 64) where points (B, 32, 2) that were found in pictures of avatars go with mouths (B, F, 3)."""
    there: Tensor = points_of(mouthing(record, mouth)).unflatten(0, mouth.shape[:2])
    return (points[:, None] + there - points_of(record)[:, None]).flatten(2)


LESSONS: Mapping[Lesson, Callable[[Record, Tensor, Tensor], Tensor]] = {
    "mouth": lambda record, mouth, points: mouth,
    "points": _moved,
}
"""From avatars, their mouths and the points found in their pictures, to what is true of each frame."""


@dataclass(frozen=True)
class Cast:
    """The avatars of clips in the pictures before.

    Attributes:
        clips: of N avatars.
        findings: (N, 99) what the coach finds in the pictures.
        lesson: what is learned of them.
    """

    clips: CachedClips
    findings: Tensor
    lesson: Lesson

    @classmethod
    @torch.no_grad()
    def read(cls, clips: CachedClips, lesson: Lesson) -> Cast:
        """Let the coach look at everybody."""
        pictures = (clips.faces(part) for part in torch.arange(len(clips)).split(READ))
        found = [Face.read(picture, coach.observer()(picture)).findings() for picture in pictures]
        return cls(clips, torch.cat(found), lesson)

    def faces(self, indices: Tensor) -> Tensor:
        """(B, D) some of them as numbers."""
        return torch.cat([self.clips.faces(indices).flatten(1), self.findings[indices]], dim=1)

    def lessons(self, indices: Tensor, mouth: Tensor) -> Tensor:
        """(B, F, ...) what is true of them while their mouths do (B, F, 3)."""
        points = self.findings[indices, : 2 * POINTS].unflatten(1, (POINTS, 2))
        return LESSONS[self.lesson](self.clips.record(indices), mouth, points)


class SpeechBatches(StoredBatches[CachedSpeech]):
    """Utterances, each said by some avatar, whoever said it first."""

    def __init__(self, speech: CachedSpeech, cast: Cast, config: TrainingConfig) -> None:
        super().__init__(speech, config)
        self.cast = cast

    @property
    def fingerprint(self) -> str:
        """Those of the speech and of the clips."""
        return f"{self.source.fingerprint} {self.cast.clips.fingerprint}"

    def __call__(self, step: int) -> Mapping[str, Tensor]:
        """The batch of ``step``: "sound", with silence around it, "face" and "lesson"."""
        speech = self.source.speech(self.order(step)[0])
        whose = torch.randint(len(self.cast.clips), (len(speech),), generator=self.chance(step, "faces"))
        return {
            "sound": functional.pad(speech.waveform, (REACH * SAMPLES, REACH * SAMPLES)),
            "face": self.cast.faces(whose),
            "lesson": self.cast.lessons(whose, speech.mouth),
        }


class ClipBatches(StoredBatches[CachedClips]):
    """Some frames in a row of each clip, and the picture before."""

    def __init__(self, cast: Cast, frames: int, config: TrainingConfig) -> None:
        super().__init__(cast.clips, config)
        self.cast, self.frames = cast, frames

    def __call__(self, step: int) -> Mapping[str, Tensor]:
        """The batch of ``step``: "sound" around the frames, "face", "pictures" and "motion"."""
        indices, _ = self.order(step)
        clips = self.source.clips(indices)
        first = int(torch.randint(FRAMES - self.frames + 1, (), generator=self.chance(step, "frames")))
        shown, heard = slice(first, first + self.frames), slice(first, first + self.frames + 2 * AROUND)
        return {
            "sound": clips.waveform.unflatten(1, (-1, SAMPLES))[:, heard].flatten(1),
            "face": self.cast.faces(indices),
            "pictures": clips.frames[:, shown],
            "motion": self.cast.lessons(indices, clips.mouth[:, shown]),
        }
