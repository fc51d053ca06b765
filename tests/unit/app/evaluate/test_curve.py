"""Curves of a method whose effect is known: it shows the avatar as changed, more and more."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from misen.app.evaluate import Dial, Finisher, Retoucher, evaluate_curve, turnable, usual_dial
from misen.app.evaluate.curve import DIALS, painted
from misen.app.evaluate.editing import Task, task_of
from misen.core.errors import InputError
from misen.editing.methods import METHODS
from misen.editing.methods.choice import choose
from misen.metrics.rows import Work
from misen.scene.anatomy import CLASSES

COUNT = 6
TAUGHT = ("diffusionclip", "styleclip-mapper", "styleclip-direction")
"""Methods that need the folder of what they have learned."""
DIAL = Dial("share", (0.0, 0.4, 1.0), {"share": 0.0, "noise": 4.0}, 1.0)


@dataclass(frozen=True)
class Fading:
    """Mixes the picture with the goal, and with noise."""

    share: float = 0.0
    noise: float = 0.0
    told: bool = True
    name: str = "fading"
    method: str = "fading"
    pictures: str = "renders"

    def about(self):
        return {"share": self.share, "told": self.told}

    def turned(self, options):
        return replace(self, **options)

    def given(self, task: Task) -> Tensor:
        return task.truth.observation.image

    def edit(self, task: Task, image: Tensor) -> Tensor:
        noise = torch.randn(image.shape, generator=torch.Generator().manual_seed(0))
        return image.lerp(task.goal, self.share) + self.noise * noise


@pytest.fixture(scope="module")
def report(examination):
    return evaluate_curve(Fading(), DIAL, n=COUNT, examination=examination)


def test_each_point_is_measured(report) -> None:
    assert [point.value for point in report.points] == [0.0, 0.4, 1.0]
    first, *_ = (point.figures for point in report.points)
    assert first["identity"].value == pytest.approx(1)
    assert (first["difference"].value, first["residual"].value, first["lpips_a"].value) == (0, 0, 0)
    assert (first["structure"].value, first["realism"].value, first["flipped"].value) == (1, 1, 0)
    assert all(figure.n == COUNT for figure in first.values())


def test_what_is_coarse_is_less_than_all_of_a_difference(report) -> None:
    last = report.points[-1].figures
    assert 0 < last["residual"].value < last["difference"].value


def test_trends_say_what_rises_and_what_falls(report) -> None:
    assert (report.trends["difference"].value, report.trends["psnr"].value) == pytest.approx((1, -1))
    assert report.trends["difference"].low == pytest.approx(1)


def test_the_control_does_worse_than_what_it_is_compared_with(report) -> None:
    control = report.control
    assert (control.options, control.against) == (DIAL.control, 1.0)
    assert control.gains["psnr"].low > 0
    assert control.gains["difference"].high < 0
    assert control.figures["realism"].value == 0


def test_the_report_is_json(report) -> None:
    document = report.to_json()
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert document["points"][0]["figures"]["psnr"]["value"] is None  # infinite: nothing has changed
    assert (document["judge"], document["n"], document["dial"]) == ("memory@0", COUNT, "share")


def test_without_words_nothing_is_said_of_wishes_and_without_a_control_nothing_of_it(examination) -> None:
    plain = evaluate_curve(Fading(told=False), replace(DIAL, control={}), n=COUNT, examination=examination)
    assert plain.control is None
    assert {"success", "faithful", "flipped"}.isdisjoint(plain.trends)
    assert {"realism", "psnr", "residual"} < plain.trends.keys()


def test_workers_and_journals_change_nothing(examination, tmp_path) -> None:
    dial, work = Dial("share", (0.0, 1.0)), Work(2, tmp_path / "rows.jsonl")
    shared, alone = (
        evaluate_curve(Fading(told=False), dial, n=COUNT, examination=examination, work=how) for how in (work, Work())
    )
    assert replace(shared, seconds_per_image=0).to_json() == replace(alone, seconds_per_image=0).to_json()
    with pytest.raises(InputError, match="journal of another measurement: dial"):
        evaluate_curve(Fading(told=False), DIAL, n=COUNT, examination=examination, work=work)


def test_five_pictures_are_too_few(examination) -> None:
    with pytest.raises(InputError, match="n must be a whole number from 6"):
        evaluate_curve(Fading(), DIAL, n=5, examination=examination)


def test_a_painting_has_the_parts_and_their_colors_and_nothing_else(truth) -> None:
    some = truth[slice(0, 2)]
    image, labels, flat = some.observation.image, some.observation.segmentation, painted(some)
    for item in range(2):
        for part in labels[item].unique():
            here = labels[item] == part
            assert flat[item][:, here].std(1).max() < 1e-5
            torch.testing.assert_close(flat[item][:, here].mean(1), image[item][:, here].mean(1), atol=1e-4, rtol=0)
    assert labels.max() < len(CLASSES)


class Painter:
    """A model that remembers what it was asked for."""

    name = "toy"

    def __init__(self) -> None:
        self.asked: list = []

    def edit(self, image, *wishes, **settings):
        self.asked.append((image, wishes, settings))
        return SimpleNamespace(images=[SimpleNamespace(tensor=image[0])])


def test_paintings_are_finished_without_a_word(truth) -> None:
    model, task = Painter(), task_of(truth[slice(0, 1)])
    editor = turnable(model, "sdedit")
    assert isinstance(editor, Finisher)
    editor.turned({"strength": 0.8}).edit(task, editor.given(task))
    [(image, wishes, settings)] = model.asked
    assert torch.equal(image, painted(task.truth))
    assert (wishes, settings["strength"]) == ((), 0.8)


def test_dials_turn_options_of_the_method_and_all_points_share_what_was_learned() -> None:
    editor = turnable(Painter(), "imagic:steps=7", strength=0.9)
    other = editor.turned({"eta": 0.4})
    assert (str(other.method), other.strength) == ("imagic:eta=0.4,search=150,pace=0.01,steps=7,rate=0.0001", 0.9)
    assert other.memory is editor.memory
    assert type(editor) is Retoucher
    with pytest.raises(InputError, match="eta of method imagic must be a number from 0 to 1"):
        editor.turned({"eta": 2})


@pytest.mark.parametrize("name", DIALS)
def test_usual_dials_are_of_methods_that_there_are(name: str) -> None:
    asked = f"{name}:adapter=x" if name in TAUGHT else name
    dial, options = usual_dial(asked), choose(asked, {"picture", "words"}).options()
    editor = Retoucher(Painter(), asked)
    assert name in METHODS
    assert dial.option in {"strength", *options}
    assert [editor.turned({dial.option: value}) for value in dial.values]
    assert not dial.control or editor.turned(dial.control)
    assert not dial.control or dial.against in dial.values


@pytest.mark.parametrize("argument", ["", "strength", "strength=0.5", "strength=0.1,much", "=0.1,0.2"])
def test_what_is_no_dial_is_refused(argument: str) -> None:
    with pytest.raises(InputError, match="a dial is an option and at least two values"):
        Dial.parse(argument)


def test_a_dial_is_read_from_text() -> None:
    assert Dial.parse("strength=0.1, 0.5") == Dial("strength", [0.1, 0.5])
    assert Dial.parse("factor=8,16") == Dial("factor", [8, 16])
    with pytest.raises(InputError, match="invert has no usual dial"):
        usual_dial("invert")
