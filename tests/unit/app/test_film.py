"""Films: frames of one seed, moved by a sound, in a file that knows how it was made."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image

import misen
from misen import assembly
from misen.app import Animation, Model, Recipe, cast, forecast, prepare, prepare_film, replay, run_film
from misen.core.errors import Cancelled, ConfigError, InputError, NotFoundError, StorageError, Unreachable
from misen.core.guidance import Guidance
from misen.core.image import from_bytes, to_bytes
from misen.core.registry import modalities
from misen.core.sound import RATE
from misen.media import video
from misen.nn import weights
from misen.perception import coach
from puppets import SIZE, Puppet, Scene, brightness, puppet
from tiny import install_upscaler
from unit.app.conftest import opened as painter

AUDIO, EXEMPLAR, CAMERA = (modalities()[name].signal for name in ("audio", "exemplar", "camera"))
SECONDS = 1.2


def speech(seconds: float = SECONDS, beats: int = 3) -> torch.Tensor:
    """A tone that swells and fades."""
    time = torch.arange(round(seconds * RATE)) / RATE
    return 0.9 * torch.sin(2 * torch.pi * 300 * time) * torch.sin(torch.pi * beats * time / seconds).square()


@pytest.fixture
def sound():
    return AUDIO(speech())


@pytest.fixture
def talker() -> Model:
    return Model(puppet())


@pytest.fixture
def face() -> np.ndarray:
    return np.broadcast_to(np.array([200, 60, 30], np.uint8), (SIZE, SIZE, 3)).copy()


@pytest.fixture
def by_name(monkeypatch) -> None:
    """Puppets talk, and the toy paints."""
    models = {"avatars/talking": puppet, "puppet": puppet, "alone": lambda: puppet("alone", faces=False)}
    monkeypatch.setattr(assembly, "open_model", lambda name, device, adapters: models.get(name, painter)())


def pixels(film: Animation) -> np.ndarray:
    return film.pictures().astype(int)


def loudness(sound) -> np.ndarray:
    """Of each frame."""
    return sound.waveform.unflatten(1, (-1, 640)).square().mean(2).sqrt()[0].numpy()


# --- the order -------------------------------------------------------------------------------------------------------


LASTING = [(1.2, 25, 30), (1.2, 10, 12), (0.02, 25, 1), (0.5, 1, 1), (1, 60, 60)]


@pytest.mark.parametrize(("seconds", "fps", "frames"), LASTING)
def test_there_are_as_many_frames_as_the_sound_lasts(talker, face, seconds, fps, frames):
    clip = talker.clip(AUDIO(speech(seconds)), image=face, fps=fps)
    assert (len(clip), len([*clip.parts])) == (frames, -(-frames // 8))


def test_a_part_has_the_moments_of_its_frames_and_one_seed(talker, face, sound):
    clip = talker.clip(sound, image=face, seed=7, batch_size=4)
    second = clip.parts[1]
    assert second.seeds == (7,) * 4
    moments, portrait = (wish.signal for wish in second.guidances)
    assert torch.equal(moments.waveform, sound.moments()[4:8].waveform)
    assert len(portrait) == 1
    assert [len(part.seeds) for part in clip.parts] == [4] * 7 + [2]
    with pytest.raises(IndexError):
        clip.parts[8]


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"fps": 0}, "fps must be a whole number from 1 to 60, got 0"),
        ({"fps": 23.976}, "fps must be a whole number from 1 to 60, got 23.976"),
        ({"batch_size": 0}, "batch_size must be a whole number from 1"),
        ({"seed": [1, 2]}, "2 seeds were given for 1 pictures"),
        ({"width": 32}, "width must be 16, got 32"),
        ({"best_of": 2}, "frames of a film share their seed"),
        ({"image": b"no picture"}, "image is not a picture"),
    ],
)
def test_settings_are_checked(talker, face, sound, monkeypatch, settings, complaint):
    monkeypatch.setattr(assembly, "open_upscaler", lambda device: None)
    with pytest.raises(InputError, match=complaint):
        talker.clip(sound, **{"image": face, **settings})


def test_one_signal_moves(talker, face, sound):
    for wishes, given in (([], 0), ([sound, sound], 2)):
        with pytest.raises(InputError, match=rf"a film needs one signal that moves, got {given}\. accepted: audio"):
            talker.clip(*wishes, image=face)
    two = AUDIO(torch.stack([speech(), speech()]))
    with pytest.raises(InputError, match="audio has 2 items for 1 pictures"):
        talker.clip(two, image=face)


def test_a_walk_of_hours_is_an_order_of_little_memory(talker, face):
    """The moments of ten minutes are seventeen times as long as they are."""
    clip = talker.clip(AUDIO(torch.zeros(600 * RATE)), image=face)
    assert len(clip) == 15_000
    assert len(clip.parts[1874].seeds) == 8


# --- the film --------------------------------------------------------------------------------------------------------


def test_the_mouth_moves_with_the_sound_and_the_face_stays(talker, face, sound):
    film = talker.animate(sound, image=face, seed=1)
    shown = pixels(film)
    assert shown.shape == (30, SIZE, SIZE, 3)
    assert np.corrcoef(brightness(shown), loudness(sound))[0, 1] > 0.95
    assert np.abs(shown[:, :8] - shown[:1, :8]).mean() < 8  # what coding loses; other noise is 15 away
    assert shown[:, :8, :, 0].mean() > shown[:, :8, :, 2].mean() + 50
    other = pixels(talker.animate(AUDIO(speech(beats=1)), image=face, seed=1))
    assert np.corrcoef(brightness(other), loudness(sound))[0, 1] < 0.5


def test_the_sound_is_in_it(talker, face, sound):
    film = video.read_film(talker.animate(sound, image=face, fps=20).content)
    assert film.rate == 20
    assert len(film.frames) == 24
    sounds = (film.sound, sound.waveform[0].numpy())
    heard, given = (np.abs(one[: 18 * 1000]).reshape(-1, 100).mean(1) for one in sounds)
    assert np.corrcoef(heard, given)[0, 1] > 0.95


def test_frames_are_made_some_at_a_time(talker, face, sound):
    talker.animate(sound, image=face, batch_size=20)
    assert talker.opened.generator.asked == [20, 10]


def test_steps_are_watched_and_can_be_stopped(talker, face, sound):
    told = []
    talker.animate(sound, image=face, callback_on_step_end=lambda progress: told.append(progress.fraction))
    assert told == [1 / 4, 2 / 4, 3 / 4, 1]

    def stop(progress):
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        talker.animate(sound, image=face, callback_on_step_end=stop)


def test_a_model_without_a_port_for_faces_edits_the_picture(face, sound):
    made = Model(puppet(faces=False)).animate(sound, image=face, seed=1, strength=1.0)
    assert made.recipe.canvas is not None
    assert np.corrcoef(brightness(pixels(made)), loudness(sound))[0, 1] > 0.95


def test_large_frames_are_small_ones_enlarged(talker, face, sound, monkeypatch):
    install_upscaler(monkeypatch, SIZE)
    short = AUDIO(speech(0.12))
    film = talker.animate(short, image=face, width=64, height=64)
    assert pixels(film).shape == (3, 64, 64, 3)
    assert film.recipe.upscaler is not None


def test_what_cannot_be_followed_is_refused_before_anything_is_made(talker, face, sound):
    with pytest.raises(Unreachable, match="adapted: no adapter is loaded"):
        talker.animate(Guidance(signal=sound, route="adapted"), image=face)
    assert talker.opened.generator.asked == []


def test_what_a_frame_takes_is_told(talker, face, sound):
    assert talker.native == {"audio", "exemplar"}
    told = forecast(talker, talker.clip(sound, image=face).part(range(1)))
    assert told.seconds >= 0
    assert told.memory > 0


# --- files -----------------------------------------------------------------------------------------------------------


def test_a_saved_film_is_made_again(talker, face, sound, by_name, tmp_path):
    path = talker.animate(sound, image=face, seed=3, fps=12).save(tmp_path / "talk.mp4")
    assert replay(path).status == "identical"
    recipe = Recipe.read(path)
    assert (recipe.film.fps, recipe.film.at_once, recipe.seeds) == (12, 8, (3,))
    assert [entry.modality for entry in recipe.guidances] == ["audio", "exemplar"]
    assert [entry.route for entry in recipe.guidances] == ["native", "native"]
    assert run_film(recipe).content == path.read_bytes()
    assert "Guidance audio" in video.texts(path)["parameters"]


def test_another_film_differs(talker, face, sound, by_name, tmp_path, monkeypatch):
    path = talker.animate(sound, image=face, seed=3).save(tmp_path / "talk.mp4")
    monkeypatch.setattr(Puppet, "start", lambda self, batch, rng: Scene(torch.full((batch, 3, SIZE, SIZE), 0.3)))
    verdict = replay(path)
    assert (verdict.status, verdict.field) == ("differs", "pixels")
    assert verdict.difference > 20


def test_recipes_of_films_and_of_pictures_are_told_apart(talker, face, sound, model):
    film = talker.animate(sound, image=face, seed=3).recipe
    with pytest.raises(InputError, match="the recipe is of a film, not of pictures"):
        prepare(film)
    with pytest.raises(InputError, match="the recipe is of pictures, not of a film"):
        prepare_film(model.synthesize(seed=1).recipe)
    document = json.loads(film.canonical())
    document["film"]["speed"] = 2
    with pytest.raises(ConfigError, match=r"unknown key 'film\.speed'.*accepted: fps, at_once"):
        Recipe.parse(json.dumps(document))


def test_other_weights_are_refused_by_a_recipe(face, sound, by_name):
    film = Model(puppet(sha256="cd" * 32)).animate(sound, image=face, seed=3)
    with pytest.raises(InputError, match="other weights of puppet"):
        run_film(film.recipe)


def test_where_a_film_cannot_go(talker, face, sound, tmp_path):
    film = talker.animate(sound, image=face)
    for name in ("talk.avi", "talk"):
        with pytest.raises(InputError, match="films are written as MP4"):
            film.save(tmp_path / name)
    film.save(tmp_path / "talk.mp4")
    with pytest.raises(StorageError, match="exists"):
        film.save(tmp_path / "talk.mp4")
    assert film.save(tmp_path / "talk.mp4", overwrite=True).read_bytes() == film.content
    with pytest.raises(StorageError, match="no folder"):
        film.save(tmp_path / "nowhere" / "talk.mp4")


def test_a_film_of_somebody_else_holds_no_recipe(tmp_path):
    path = tmp_path / "talk.mp4"
    path.write_bytes(video.encode(np.zeros((2, 16, 16, 3), np.uint8), np.zeros(1280, np.float32)))
    with pytest.raises(InputError, match=r"talk\.mp4 holds no recipe"):
        Recipe.read(path)


def test_the_report_says_what_was_made(talker, face, sound):
    told = json.loads(json.dumps(talker.animate(sound, image=face, seed=5, fps=10).report()))
    assert {name: told[name] for name in ("seed", "frames", "fps", "width")} == {
        "seed": 5, "frames": 12, "fps": 10, "width": SIZE,
    }  # fmt: skip
    assert told["plan"]["guidances"][0]["signal"] == ["1.20 s of sound"]


# --- the face --------------------------------------------------------------------------------------------------------


def test_a_missing_face_is_made_by_somebody_else_of_what_the_film_cannot_follow(by_name, sound):
    order = cast(Model(puppet()), sound, CAMERA(yaw=50), seed=4)
    assert (order.face.model.name, order.face.request.seeds) == ("toy", (4,))
    assert [wish.modality for wish in order.face.request.guidances] == ["camera"]
    assert [wish.modality for wish in order.outline.request.guidances] == ["audio", "exemplar"]
    painted = order.face.model.synthesize(CAMERA(yaw=50), seed=4).images[0].tensor
    portrait = order.clip().request.guidances[1].signal
    assert torch.equal(portrait.image, EXEMPLAR(from_bytes(to_bytes(painted[None]))).image)


def test_a_face_that_is_given_needs_nobody(by_name, face, sound):
    for order in (
        cast(Model(puppet()), sound, image=face),
        cast(Model(puppet()), sound, EXEMPLAR(Image.fromarray(face))),
        cast(Model(puppet(faces=False)), sound),
    ):
        assert order.face is None
        assert order.clip() is order.outline


def test_no_face_is_made_for_a_film_that_cannot_be(by_name, sound, monkeypatch):
    monkeypatch.setattr(Model, "fulfil", lambda *_, **__: pytest.fail("a face was made"))
    with pytest.raises(InputError, match="fps"):
        misen.animate(sound, fps=0)
    with pytest.raises(Unreachable):
        misen.animate(Guidance(signal=sound, route="adapted"))


def test_one_call_makes_a_film(by_name, face, sound, tmp_path):
    film = misen.animate(sound, image=face, seed=2)
    assert film.recipe.model.name == "puppet"
    again = misen.animate(sound, image=Image.fromarray(face), seed=2)
    assert again.content == film.content
    drawn = misen.animate(sound, CAMERA(yaw=50), model="puppet", face_model="toy")
    assert len(drawn.recipe.seeds) == 1


def test_without_a_model_that_talks_it_is_said_how_to_get_one(tmp_path, monkeypatch, sound):
    monkeypatch.setattr(assembly, "WEIGHTS", tmp_path)
    with pytest.raises(NotFoundError, match=r"avatars/talking, .* is not installed\. train it with `make zoo NAME="):
        misen.animate(sound)


def test_without_ears_it_is_said_how_to_get_them(tmp_path, monkeypatch, sound, face):
    """The sound itself is read without them, and by models that hear otherwise."""
    monkeypatch.setattr(weights, "SHIPPED", tmp_path)
    coach.hearing.cache_clear()
    assembly.encoders.cache_clear()
    opened = puppet()
    object.__setattr__(opened, "own_encoders", {"exemplar": opened.own_encoders["exemplar"]})
    with pytest.raises(NotFoundError, match=r"no weights called 'hearing-a'.*make zoo NAME=hearing_a"):
        Model(opened).animate(sound, image=face)
    assert Model(puppet()).animate(sound, image=face).frames == 30
    assembly.encoders.cache_clear()
