"""Talking faces, by the judge: does the mouth follow the sound, at the right time, and does the face stay who it is?

``python -m misen.recipes.evaluate_talking 100 avatars/talking`` prints the figures of models on as many avatars of the
test range, who say what nobody has heard before; ``... 100 avatars/talking --recordings DIR`` those of recorded speech
in a folder of WAV files, where nobody knows the mouth, beside how loud it is. Intervals resample utterances.

Source: Chung and Zisserman 2016 (SyncNet) and Prajwal et al. 2020 (arXiv:2008.10010), section 4, for offsets and
distances of sound and mouth; Chen et al. 2019 (arXiv:1905.03820), section 4, for the distance of landmarks.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from misen.assembly import encoders, open_model
from misen.core.condition import Condition
from misen.core.errors import NotFoundError
from misen.core.generator import Level
from misen.core.registry import modalities
from misen.core.seeding import Streams
from misen.core.shapes import Images, PerItem
from misen.core.sound import SAMPLES
from misen.data.talking import facing, points_of, speaking
from misen.generators.gan.talking.generator import TalkingGenerator
from misen.generators.gan.talking.players import LIPS
from misen.metrics.alignment import derangement
from misen.modalities.audio.judge import AudioJudge
from misen.modalities.audio.signal import Audio
from misen.perception import judge
from misen.perception.figures import Figure, bootstrapped, ratio
from misen.perception.heard import Listen
from misen.perception.reading import Reading
from misen.perception.senses import Look
from misen.perception.sync import COLUMNS, offsets
from misen.scene.record import Record
from misen.scene.renderer import render
from misen.scene.speech import Utterance, sample_utterance
from misen.scene.splits import TEST, Split

SOUND, FACE = "audio", "exemplar"
"""The modalities of the two ports."""
MEASURED, CHUNK = 100, 4
"""Avatars that figures come from, and how many are looked at together."""
FRAMES = 40
"""Of a clip, 1.6 s: most utterances are shorter, and silence follows them."""
PART = 50
"""Frames that are made together."""
PIXELS = 64
"""Distances are told in pixels of a picture of this size."""


@dataclass(frozen=True)
class Speakers:
    """B avatars, what they say, and in how many frames they are shown."""

    record: Record
    utterances: tuple[Utterance, ...]
    frames: int

    def __len__(self) -> int:
        return len(self.record)

    def audio(self) -> Audio:
        """What is heard of them, with what their jaws do."""
        return Audio.observe(self, self.record.seed)

    def lasting(self) -> Tensor:
        """(B,) frames in which they speak; silence follows."""
        return torch.tensor([min(self.frames, len(utterance.mouth)) for utterance in self.utterances])

    def pictures(self, size: int) -> Images:
        """(B, 3, size, size) each as it was before it spoke."""
        return render(self.record, size)

    def speaking(self) -> Record:
        """(B * F) avatars, clip-major, as they truly speak."""
        return speaking(self.record, self.utterances, self.frames)

    def shown(self, size: int) -> Images:
        """(B * F, 3, size, size) the true frames."""
        return render(self.speaking(), size)


def speakers(split: Split, count: int) -> Iterator[Speakers]:
    """The first ``count`` avatars of a split, seen from the front, some at a time."""
    for part in torch.arange(count).tensor_split(-(-count // CHUNK)):
        record = facing(split.records(int(part[0]), len(part)))
        yield Speakers(record, tuple(sample_utterance(seed) for seed in record.seed.tolist()), FRAMES)


@torch.no_grad()
def animated(generator: TalkingGenerator, picture: Images, audio: Audio) -> Images:
    """(B * F, 3, S, S), clip-major: pictures (B, 3, S, S) in which somebody says B sounds of F frames each."""
    frames = audio.openness.shape[1]
    shown, moments = modalities()[FACE].signal(picture), audio.moments()
    face = generator.own_encoders({})[FACE].encode(shown, "vector").repeat(frames)
    parts = torch.arange(len(moments)).split(PART)
    return torch.cat([_made(generator, face[part], moments[part]) for part in parts])


def _made(generator: TalkingGenerator, face: Condition, moments: Any) -> Images:
    """The pictures of some frames, each with its moment of a sound."""
    conditions = {FACE: face, SOUND: encoders()[SOUND].encode(moments, "tokens")}
    state = generator.start(len(moments), Streams([0] * len(moments)))
    return generator.finish(state.moved(generator.predict(state, Level(0.0), conditions).point))


# --- what is measured ------------------------------------------------------------------------------------------------


def evaluate(generator: TalkingGenerator, count: int) -> dict[str, Figure]:
    """Figures by name, on ``count`` >= 2 avatars; "true" ones are what the judge says of the true frames.

    ``openness``: correlation of how far the jaw is open with the truth, while something is said. ``swapped`` and
    ``unheard``, of a face that says what another said: with what it hears, and with what it would have said.
    ``in_sync``: share of clips whose mouth is found within one frame of its sound. ``sync_distance``: of the unit
    vectors of both around spoken frames, and ``sync_ratio``: to that of the true frames. ``identity``: cosine to the
    picture before. ``lips``: mean distance of the mouth's landmarks from the truth in pixels.
    """
    parts = [_examined(generator, some) for some in speakers(TEST, count)]
    rows = {name: torch.cat([part[name] for part in parts]).double() for name in parts[0]}
    figures = {name: averaged(values) for name, values in rows.items()}
    made, true = rows["sync_distance"], rows["true_sync_distance"]
    return {**figures, "sync_ratio": bootstrapped(lambda items: made[items].nanmean() / true[items].nanmean(), count)}


def averaged(values: PerItem) -> Figure:
    """Mean of (N,) values; those of utterances that cannot be judged, NaN, do not count."""
    told = ~values.isnan()
    return ratio(torch.where(told, values, 0.0)[:, None], told[:, None])


@torch.no_grad()
def _examined(generator: TalkingGenerator, some: Speakers) -> dict[str, PerItem]:
    """Values (B,) by name."""
    audio, picture, others = some.audio(), some.pictures(generator.size), derangement(len(some))
    made, before = _looked(animated(generator, picture, audio)), _looked(picture)
    swapped = _looked(animated(generator, picture, audio[others]))
    lasting = some.lasting()
    return {
        **_followed(made, some),
        **{f"true_{name}": values for name, values in _followed(_looked(some.shown(generator.size)), some).items()},
        "swapped": _openness(swapped, audio[others], lasting[others]),
        "unheard": _openness(swapped, audio, lasting.minimum(lasting[others])),
        "identity": kept(made, before),
        "identity_of_others": kept(made, before, others),
    }


def _followed(reading: Reading, some: Speakers) -> dict[str, PerItem]:
    """How far what the judge sees in clips is what is said."""
    audio, lasting, expert = some.audio(), some.lasting(), judge.sync()
    sound = expert.sound(audio.waveform)
    mouth = expert.mouth(_clips(reading.expression[:, COLUMNS], some.frames))
    apart = (2 - 2 * (sound * mouth).sum(dim=2)).clamp(min=0).sqrt()
    spoken = torch.arange(some.frames) < lasting[:, None]
    lips = (reading.landmarks - points_of(some.speaking()))[:, LIPS].norm(dim=2).mean(dim=1)
    return {
        "openness": _openness(reading, audio, lasting),
        "in_sync": (offsets(sound, mouth).abs() <= 1).double(),
        "sync_distance": (apart * spoken).sum(dim=1) / lasting,
        "lips": PIXELS * _clips(lips, some.frames).mean(dim=1),
    }


def _clips(values: Tensor, frames: int) -> Tensor:
    """(B, F, ...) of what was read frame by frame, (B * F, ...)."""
    clips: Tensor = values.unflatten(0, (-1, frames))
    return clips


def _looked(images: Images) -> Reading:
    reading: Reading = judge.observer()(images)
    return reading


def _openness(reading: Reading, audio: Audio, lasting: Tensor) -> PerItem:
    """(B,) correlations of what was read in clips with what is known, or heard, of the first frames of their sounds."""
    asked = Audio.of(waveform=audio.waveform, frames=lasting, openness=audio.openness)
    score: Tensor = AudioJudge(lambda images: reading, judge.hearing()).score(reading.expression, asked)
    return score


def kept(made: Reading, before: Reading, whose: Tensor | None = None) -> PerItem:
    """(B,) mean cosines of the identities in clips and in the pictures before, or in those of other avatars (B,)."""
    identity = before.identity if whose is None else before.identity[whose]
    frames = len(made.identity) // len(identity)
    return (_clips(made.identity, frames) * identity[:, None]).sum(dim=2).mean(dim=1)


# --- while it is trained ---------------------------------------------------------------------------------------------


@torch.no_grad()
def watch(generator: TalkingGenerator, shown: Sequence[Speakers], look: Look, listen: Listen) -> Mapping[str, float]:
    """How an observer sees mouths follow what some avatars say."""
    scores = []
    for some in shown:
        audio = some.audio()
        clips = animated(generator, some.pictures(generator.size), audio)
        scores.append(AudioJudge(look, listen).score(clips, audio))
    return {"openness_coach": torch.cat(scores).nanmean().item()}


# --- recorded speech -------------------------------------------------------------------------------------------------


@torch.no_grad()
def follow(generator: TalkingGenerator, paths: Sequence[Path]) -> dict[str, Figure]:
    """Figures of recordings, each said by another avatar of the test range.

    ``openness_loudness``: correlation of how far the jaw is open with how loud the sound is, frame by frame;
    ``openness_heard``: with what the judge hears; ``identity``: cosine to the picture before.
    """
    rows = [_recorded(generator, path, facing(TEST.records(item, 1))) for item, path in enumerate(paths)]
    columns = {name: torch.stack([row[name] for row in rows]).double() for name in rows[0]}
    return {name: averaged(values) for name, values in columns.items()}


def _recorded(generator: TalkingGenerator, path: Path, record: Record) -> dict[str, Tensor]:
    """Values () of one recording."""
    audio, picture = Audio.open(path), render(record, generator.size)
    made, before = _looked(animated(generator, picture, audio)), _looked(picture)
    open_and_loud = torch.stack([made.expression[:, COLUMNS[0]], loudness(audio)[0]])
    return {
        "openness_loudness": torch.corrcoef(open_and_loud)[0, 1],
        "openness_heard": _openness(made, audio, audio.frames)[0],
        "identity": kept(made, before)[0],
    }


def loudness(audio: Audio) -> Tensor:
    """(B, F) root mean square of the sound of each frame."""
    loud: Tensor = audio.waveform.unflatten(1, (-1, SAMPLES)).square().mean(dim=2).sqrt()
    return loud


def recordings(folder: Path, count: int) -> list[Path]:
    """``count`` WAV files of a folder, evenly spread over their names; raises ``NotFoundError`` if it has none."""
    found = sorted(folder.rglob("*.wav"))
    if not found:
        raise NotFoundError(f"there are no WAV files in {folder}", field="recordings")
    return found[:: max(1, len(found) // count)][:count]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the figures of shipped models."""
    parser = argparse.ArgumentParser(prog="python -m misen.recipes.evaluate_talking", description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=MEASURED, help="utterances")
    parser.add_argument("models", nargs="*", default=["avatars/talking"], help="names or folders")
    parser.add_argument("--recordings", type=Path, help="folder of WAV files that are said instead")
    given = parser.parse_args(arguments)
    for name in given.models:
        generator: Any = open_model(name).generator
        if given.recordings is None:
            figures = evaluate(generator, given.count)
        else:
            figures = follow(generator, recordings(given.recordings, given.count))
        sys.stdout.writelines(f"{name:24s} {what:20s} {figure}\n" for what, figure in figures.items())


if __name__ == "__main__":
    main()
