from __future__ import annotations

import json
import re

import pytest
import torch
from PIL import Image

from misen.app.demo import exhibits, gallery, make_gallery
from misen.app.demo.exhibits import FULL, HOMES, Exhibit, described, followed, observed
from misen.app.demo.gallery import Score, Shown
from misen.app.demo.page import render
from misen.app.recipe import Recipe
from misen.core.errors import NotFoundError, StorageError
from misen.core.guidance import Guidance
from misen.core.registry import modalities, stills
from misen.editing.methods.choice import choose
from misen.perception import judge
from tiny import install_upscaler

HOME = HOMES[1]


@pytest.fixture(scope="module")
def listed() -> list[Exhibit]:
    return list(described(HOME))


def test_every_modality_that_needs_no_energy_is_shown_about_twice(listed):
    wished = [wish.modality for exhibit in [*listed, *observed()] for wish in exhibit.guidances]
    assert len(followed()) >= 10
    assert all(wished.count(name) >= 2 for name in followed())


def test_at_least_six_prompts_are_in_free_wording_in_two_languages(listed):
    free = [exhibit.guidances[0].signal for exhibit in listed if exhibit.section == "Free wording"]
    chinese = [signal for signal in free if re.search("[\u4e00-\u9fff]", signal.prompts[0])]
    assert len(free) >= 6
    assert 0 < len(chinese) < len(free)
    assert all(signal.claims[0] for signal in free)


def test_the_gallery_is_feed_forward(listed):
    assert {wish.route for exhibit in [*listed, *observed()] for wish in exhibit.guidances} == {"native"}


def test_the_full_gallery_shows_every_energy_and_methods_that_learn():
    more = list(described(HOME, FULL))
    by_energy = [wish.modality for exhibit in more for wish in exhibit.guidances if wish.route == "consistency"]
    assert sorted(by_energy) == sorted(stills())
    methods = {choose(exhibit.method, {"picture", "words"}).name for exhibit in more if exhibit.image}
    assert methods >= {"ilvr", "invert", "null-text", "prompt-to-prompt", "sine", "imagic"}


def test_a_photograph_is_used_where_there_is_one(tmp_path, monkeypatch, listed):
    photographs = [exhibit for exhibit in listed if exhibit.caption == "a photograph to begin from"]
    assert len(photographs) == (exhibits.shared_data() / "skimage_photos" / "astronaut.png").is_file()
    monkeypatch.setenv(exhibits.SHARED_DATA, str(tmp_path))
    assert "a photograph to begin from" not in [exhibit.caption for exhibit in described(HOME)]


@pytest.fixture
def brief(installed, monkeypatch) -> None:
    """A gallery of three pictures, the last of which no model can make natively."""
    camera = modalities()["camera"].signal(yaw=20)
    text = modalities()["text"].signal("a <b>man</b>")
    wishes = ([Guidance(signal=camera)], [Guidance(signal=text), Guidance(signal=camera)])
    made = [Exhibit("Views & words", "", tuple(some), seed) for seed, some in enumerate(wishes)]
    refused = Exhibit("Adapted", "", (Guidance(signal=camera, route="adapted"),), 3)
    monkeypatch.setattr(gallery, "described", lambda home: [*made, refused])
    monkeypatch.setattr(gallery, "observed", list)


def test_pictures_scores_and_plans_are_in_the_folder(brief, tmp_path):
    seen = []
    made = make_gallery(tmp_path / "out" / "demo", watch=lambda fraction, words: seen.append(fraction))
    assert [score.modality for score in made.shown[1].scores] == ["text", "camera"]
    assert all(score.value is not None for score in made.shown[1].scores)
    assert "native: port 'camera'" in made.shown[0].plan
    assert seen == [0, 1 / 3, 2 / 3]
    assert made.left_out[0].startswith("Adapted: camera cannot be followed")
    assert Recipe.read(made.folder / "00.png").seeds == (0,)
    assert json.loads((made.folder / "gallery.json").read_text())["shown"][0]["seed"] == 0
    [row] = made.rows()
    assert row[:2] == ["Views & words", "2"]
    assert re.fullmatch(r"camera [\d.]+ degrees, text [\d.]+", row[2])


@pytest.mark.parametrize(("size", "made"), [(None, 256), (64, 64)])
def test_pictures_are_as_large_as_the_model_makes_them_or_as_asked(brief, tmp_path, monkeypatch, size, made):
    install_upscaler(monkeypatch, 64)
    gallery_of_two = make_gallery(tmp_path, size=size)
    for one in gallery_of_two.shown:
        with Image.open(tmp_path / one.picture) as picture:
            assert picture.size == (made, made)


def test_without_a_judge_there_are_pictures_and_the_reason(brief, tmp_path, monkeypatch):
    def refuse(name: str) -> None:
        raise NotFoundError(f"this installation has no weights called {name!r}")

    monkeypatch.setattr(judge, "shipped", refuse)
    shown = make_gallery(tmp_path).shown
    assert {score.metric for one in shown for score in one.scores} == {
        "this installation has no weights called 'observer-b'"
    }


def test_the_page_stands_alone_and_escapes_words(brief, tmp_path):
    made = make_gallery(tmp_path)
    text = made.page.read_text("utf-8")
    assert "a &lt;b&gt;man&lt;/b&gt;" in text
    assert "<b>man" not in text
    assert "Views &amp; words" in text
    assert "Left out" in text
    assert not re.search(r"https?://|<script", text)
    for file in re.findall(r'src="([^"]+)"', text):
        assert (tmp_path / file).is_file()


def test_an_earlier_gallery_is_replaced_and_nothing_else(brief, tmp_path):
    make_gallery(tmp_path)
    make_gallery(tmp_path)
    (tmp_path / "gallery.json").unlink()
    with pytest.raises(StorageError, match="holds something else"):
        make_gallery(tmp_path)


def test_a_picture_of_another_model_is_made_by_it_or_left_out(installed, tmp_path, monkeypatch):
    camera = Guidance(signal=modalities()["camera"].signal(yaw=20))
    named = [Exhibit(name, "", (camera,), 0, model=name) for name in ("avatars/diffusion", "avatars/nobody")]
    monkeypatch.setattr(gallery, "described", lambda home, file="": named if file == FULL else [])
    monkeypatch.setattr(gallery, "observed", list)
    made = make_gallery(tmp_path, full=True)
    assert [one.section for one in made.shown] == ["avatars/diffusion"]
    assert [reason.split(":")[0] for reason in made.left_out] == ["avatars/nobody"]
    assert make_gallery(tmp_path).shown == ()


def test_when_the_time_is_over_the_rest_is_left_out(brief, tmp_path, monkeypatch):
    monkeypatch.setattr(gallery, "SECONDS", 0.0)
    made = make_gallery(tmp_path)
    assert made.shown == ()
    assert made.left_out == ("Views & words: 0 seconds were over", "Adapted: 0 seconds were over")
    assert made.page.is_file()


def test_every_section_gets_a_picture_before_any_gets_its_second():
    sections = ["a", "a", "a", "b", "c", "c"]
    assert gallery._fairly([Exhibit(name, "", (), 0) for name in sections]) == [0, 3, 4, 1, 5, 2]


def test_previews_of_the_start_and_the_mask_are_shown(installed, tmp_path, listed, monkeypatch):
    [masked] = [exhibit for exhibit in listed if exhibit.caption == "around the eyes"]
    monkeypatch.setattr(gallery, "described", lambda home: [masked])
    monkeypatch.setattr(gallery, "observed", list)
    [shown] = make_gallery(tmp_path).shown
    assert [name for name, _ in shown.previews] == ["image", "mask"]
    assert shown.caption == ("around the eyes", "a woman with sunglasses")


def test_wishes_of_the_test_range_are_seen_from_the_front():
    cameras = [e.guidances[0].signal.pose[0, 0] for e in observed() if e.guidances[0].modality == "camera"]
    assert torch.stack(cameras).abs().max() < exhibits.FACING


def test_scores_without_a_judgement_say_so(tmp_path):
    scores = (Score("text", None, "", "fraction"), Score("landmarks", 1.234, "px", "mean error"))
    shown = Shown("A", ("b",), "00.png", (), "plan", scores, 1, 0.5)
    page = render(gallery.Gallery(tmp_path, "m", (shown,), (), 1.0))
    assert "<b>not judged</b>" in page
    assert "<b>1.23 px</b>" in page
