"""What an edit did, told by a judge that knows the truth, and once by the judge that ships."""

from __future__ import annotations

import json
import math
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from misen.core.registry import modalities
from misen.data.world import tell_truth
from misen.editing.report import MEASURED_BY, EditReport, report_edit
from misen.editing.traits import CONCERNS, TELLING, area, tellable
from misen.metrics.grader import Grader, shipped_grader
from misen.metrics.report import plain
from misen.perception.reading import Reading
from misen.scene.anatomy import CLASSES, LANDMARKS
from misen.scene.attributes import ATTRIBUTES, KEYS
from misen.scene.record import Record
from misen.scene.sampling import sample
from misen.scene.truth import Truth

TEXT, ATTRIBUTES_OF, CAMERA, DRAG = (modalities()[name].signal for name in ("text", "attributes", "camera", "drag"))
TRAITS = {
    "hair_style": "short", "hair_color": "black", "hat": "none", "glasses": "none", "shirt_color": "green",
    "background": "blue", "earrings": "none", "facial_hair": "none", "expression": "neutral", "presentation": "neutral",
}  # fmt: skip
BEFORE, ONE, TWO, TURNED, SOMEONE = range(5)


class Omniscient:
    """Reads the truth of the remembered picture that is most alike."""

    def __init__(self, truth: Truth) -> None:
        self.truth = truth

    def __call__(self, images: Tensor) -> Reading:
        seen, record = self.truth.observation, self.truth.record
        item = torch.cdist(images.flatten(1), seen.image.flatten(1)).argmin(1)
        traits = [functional.one_hot(record.attributes[item, k], len(a)) for k, a in enumerate(ATTRIBUTES)]
        person = functional.pad(record.identity[item], (0, 44))
        return Reading(
            attributes=30.0 * torch.cat(traits, dim=1),
            segmentation=30.0 * functional.one_hot(seen.segmentation[item].long(), len(CLASSES)).movedim(-1, 1),
            landmarks=seen.landmarks[item],
            landmarks_visible=seen.landmarks_visible[item].float() - 0.5,
            camera=record.camera[item, :3],
            facing=torch.zeros(len(item), 3),
            depth=seen.depth[item],
            identity=functional.normalize(person, dim=1),
            expression=record.expression[item],
            features=images.flatten(1)[:, :256],
            pyramid=(images + 2,),
        )


@pytest.fixture(scope="module")
def truth() -> Truth:
    """A picture, the same with another shirt, with another background too, seen from elsewhere, and someone else."""
    person, stranger = (sample(torch.tensor([seed]), full_circle=0.0) for seed in (900, 901))
    for key, value in TRAITS.items():
        person = person.with_attribute(key, value)
    person.camera[:, :2] = 0.1
    shirt = person.with_attribute("shirt_color", "red")
    both = shirt.with_attribute("background", "yellow")
    turned = person[torch.tensor([0])]
    turned.camera[:, :2] = torch.tensor([0.5, -0.1])
    return tell_truth(Record.cat([person, shirt, both, turned, stranger]))


@pytest.fixture(scope="module")
def grader(truth: Truth) -> Grader:
    return Grader("omniscient@0", SimpleNamespace(observer=lambda: Omniscient(truth), joint=None))


@pytest.fixture(scope="module")
def report(truth: Truth, grader: Grader):
    """``report(after, *wishes)`` of the first picture; the codec adds a little noise."""
    images = truth.observation.image
    noise = 0.02 * torch.randn(images[:1].shape, generator=torch.Generator().manual_seed(0))

    def compare(after: int, *wishes, mask: Tensor | None = None) -> EditReport:
        return report_edit(grader, images[:1], images[after : after + 1], images[:1] + noise, wishes, mask)

    return compare


@pytest.mark.parametrize("wish", [TEXT("a person in a red shirt"), ATTRIBUTES_OF(shirt_color="red")])
def test_a_wish_come_true_and_nothing_else(report, wish) -> None:
    told = report(ONE, wish)
    [outcome] = told.wishes
    [trait] = outcome.traits
    assert (trait.key, trait.wanted, trait.before, trait.seen, trait.right) == (
        "shirt_color", "red", "green", "red", True
    )  # fmt: skip
    assert (outcome.achieved, outcome.already) == (True, False)
    assert (outcome.before, outcome.control, outcome.after) == (0, 0, 1)
    assert told.kept == {"identity": True, "layout": True, "background": True}
    assert (told.edit.flipped, told.edit.moved, told.edit.layout) == ((), (), 1.0)
    assert told.edit.background == pytest.approx(0)
    assert next(iter(told.area.parts)) == "shirt"
    assert told.area.parts["shirt"] > 0.7
    assert told.edit.psnr > 35 > 0


def test_what_nobody_asked_for_is_named(report) -> None:
    told = report(TWO, TEXT("a person in a red shirt"))
    assert told.wishes[0].achieved
    [flip] = told.edit.flipped
    assert (flip.key, flip.before, flip.after) == ("background", "blue", "yellow")
    assert not told.kept["background"]
    assert told.kept["identity"]
    assert told.control.flipped == ()
    assert told.area.share > report(ONE, TEXT("a person in a red shirt")).area.share
    assert "changed though nobody asked: background blue -> yellow" in told.lines()
    asked_for_both = report(TWO, ATTRIBUTES_OF(shirt_color="red", background="yellow"))
    assert asked_for_both.edit.flipped == ()
    assert "background" not in asked_for_both.kept


def test_a_change_is_judged_beside_the_picture_before(report, truth) -> None:
    nose = LANDMARKS.index("nose tip")
    start, end = (truth.observation.landmarks[item, nose].tolist() for item in (BEFORE, TURNED))
    [named] = report(TURNED, DRAG([(start, end)], ["nose tip"])).wishes
    assert (named.before, named.control, named.achieved) == (0, 0, True)
    assert named.after == pytest.approx(1, abs=1e-5)
    [still] = report(BEFORE, DRAG([(start, end)])).wishes
    assert (still.after, still.achieved) == (0, False)


def test_nothing_changed_is_not_achieved(report) -> None:
    told = report(BEFORE, TEXT("a person in a red shirt"))
    assert told.wishes[0].achieved is False
    assert told.area.share == 0
    assert told.area.runs == (64 * 64,)
    assert math.isinf(told.edit.psnr)
    assert told.kept == {"identity": True, "layout": True, "background": True}
    already = report(BEFORE, TEXT("a person in a green shirt")).wishes[0]
    assert (already.achieved, already.already) == (True, True)


def test_the_codec_has_figures_of_its_own(report) -> None:
    told = report(BEFORE, TEXT("a red shirt"))
    assert 0 < told.control.background < 10
    assert 30 < told.control.psnr < 50
    assert told.edit.lpips_a == 0 < told.control.lpips_a


def test_a_wish_without_named_traits_is_judged_by_how_far_it_came(report) -> None:
    wish = CAMERA(yaw=math.degrees(0.5), pitch=math.degrees(-0.1), roll=0)
    near, idle = report(TURNED, wish), report(BEFORE, wish)
    assert near.wishes[0].unit == "degrees"
    assert near.wishes[0].after < near.wishes[0].before / 2
    assert (near.wishes[0].achieved, idle.wishes[0].achieved) == (True, False)
    assert near.edit.yaw == pytest.approx(math.degrees(0.4), abs=1e-3)
    assert near.edit.pitch == pytest.approx(math.degrees(-0.2), abs=1e-3)
    assert near.edit.shift > 2
    assert set(near.edit.moved) <= set(LANDMARKS)
    assert near.edit.moved


def test_words_that_name_no_trait_cannot_be_judged(report) -> None:
    [outcome] = report(ONE, TEXT("more like my teacher")).wishes
    assert (outcome.achieved, outcome.traits) == (None, ())


def test_somebody_else_is_noticed(report) -> None:
    assert not report(SOMEONE, TEXT("a red shirt")).kept["identity"]


def test_a_mask_says_what_may_change(report) -> None:
    mask = torch.zeros(1, 1, 64, 64)
    everywhere, nowhere = report(TWO, mask=mask + 1), report(TWO, mask=mask)
    assert everywhere.kept == {"identity": True}
    assert nowhere.edit.background > everywhere.control.background or not nowhere.kept["background"]
    assert nowhere.edit.psnr < 30


def test_the_report_is_json_and_lines(report) -> None:
    told = report(BEFORE, TEXT("a red shirt"), CAMERA(yaw=0))
    document = told.to_json()
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert document["measured_by"] == dict(MEASURED_BY)
    assert document["edit"]["psnr"] is None
    assert plain(told.wishes) == document["wishes"]
    lines = "\n".join(told.lines())
    for words in ("text 'a red shirt': not achieved", "wanted red, was green, is green: wrong", "omniscient@0"):
        assert words in lines
    assert all(name in lines for name in MEASURED_BY)


def test_the_mask_can_be_rebuilt_from_its_runs(report) -> None:
    found = report(TWO, TEXT("a red shirt")).area
    mask = found.mask()
    assert (mask.shape, float(mask.float().mean())) == ((64, 64), pytest.approx(found.share))
    assert 0.2 < found.share < 1


# --- where traits show ---------------------------------------------------------------------------------------------


def test_every_trait_has_its_parts() -> None:
    assert set(CONCERNS) == set(KEYS)
    assert set(TELLING) < set(KEYS)
    assert {part for parts in (*CONCERNS.values(), *TELLING.values()) for part in parts} <= set(CLASSES)


def test_what_is_not_seen_cannot_be_told(truth: Truth) -> None:
    can = dict(zip(KEYS, tellable(truth.observation.segmentation[0].long()), strict=True))
    assert not can["hat_color"]
    assert can["hat"]
    assert can["shirt_color"]


def test_an_area_is_where_its_parts_are_in_any_picture() -> None:
    first, second = torch.zeros(2, 16, 16, dtype=torch.int64)
    first[2, 2] = second[12, 12] = CLASSES.index("hat")
    found = area(["hat_color"], first, second)
    assert found.sum() == 50
    assert found[2, 2]
    assert found[12, 12]


# --- the judge that ships ------------------------------------------------------------------------------------------


def test_the_shipped_judge_sees_the_same(truth: Truth) -> None:
    before, one, two = truth.observation.image[:3].split(1)
    wish = TEXT("a person in a red shirt")
    right, more, idle = (report_edit(shipped_grader(), before, after, before, [wish]) for after in (one, two, before))
    assert [told.wishes[0].achieved for told in (right, more, idle)] == [True, True, False]
    assert right.kept["identity"]
    assert (right.edit.flipped, idle.edit.flipped) == ((), ())
    assert [flip.key for flip in more.edit.flipped] == ["background"]
