from __future__ import annotations

import pytest

from misen.core.errors import InputError
from misen.editing.methods import METHODS
from misen.editing.methods.choice import choose, named
from misen.editing.methods.ilvr import ILVR
from misen.editing.methods.inpaint import Inpaint
from misen.editing.methods.sdedit import SDEdit

PICTURE, MASKED, WORDS = {"picture"}, {"picture", "mask"}, {"picture", "words"}


@pytest.mark.parametrize("name", METHODS)
def test_every_name_leads_to_a_method_that_comes_back_from_its_options(name):
    method = named(name, {}, MASKED)
    assert method.name == name
    assert named(name, method.options(), MASKED) == method
    assert "picture" in method.needs
    assert 0 <= method.usual_strength <= 1


def test_auto_goes_by_the_mask():
    assert choose("auto", PICTURE) == SDEdit()
    assert choose("auto", MASKED) == Inpaint()


def test_options_come_as_text_or_as_numbers():
    assert (
        choose("ilvr:factor=16, until=0.5", PICTURE) == ILVR(16, 0.5) == named("ilvr", ILVR(16, 0.5).options(), set())
    )
    assert choose(ILVR(until=1), PICTURE).options() == {"factor": 8, "until": 1.0}


def test_commas_may_stand_in_words():
    method = choose("prompt-to-prompt:source=a man, smiling, in a hat,cross=0.5,weights=hat=2;red hair=3", WORDS)
    assert method.options() | {"source": "a man, smiling, in a hat", "cross": 0.5} == method.options()
    assert method.options()["weights"] == "hat=2;red hair=3"


@pytest.mark.parametrize(
    ("asked", "given", "complaint"),
    [
        ("ilver", PICTURE, "there is no method 'ilver'. did you mean 'ilvr'? accepted: auto, sdedit, inpaint, ilvr"),
        ("", PICTURE, "there is no method ''"),
        (3, PICTURE, "there is no method '3'"),
        (
            "ilvr:facter=8",
            PICTURE,
            "method ilvr has no option 'facter'. did you mean 'factor'? accepted: factor, until",
        ),
        ("inpaint:factor=8", MASKED, "method inpaint has no option 'factor'. it has none"),
        ("ilvr:factor=7", PICTURE, "factor of method ilvr must be one of 2, 4, 8, 16, 32, got '7'"),
        ("ilvr:until=0", PICTURE, "until of method ilvr must be a number above 0 and up to 1, got '0'"),
        ("ilvr:until=nan", PICTURE, "until of method ilvr must be a number above 0 and up to 1, got 'nan'"),
        ("ilvr:until=soon", PICTURE, "until of method ilvr must be a number above 0 and up to 1, got 'soon'"),
        ("ilvr:factor=8,factor=4", PICTURE, "factor is given twice"),
        ("ilvr:", PICTURE, "'' is not key=value"),
        ("ilvr", MASKED, "method ilvr cannot be combined with a mask"),
        ("inpaint", PICTURE, "method inpaint needs a mask"),
        ("sdedit", set(), "method sdedit needs a picture"),
    ],
)
def test_what_does_not_fit_is_refused(asked, given, complaint):
    with pytest.raises(InputError) as caught:
        choose(asked, given)
    assert complaint in str(caught.value)


@pytest.mark.parametrize("options", [{"factor": True}, {"factor": 8.5}, {"until": None}, {"until": 10**400}])
def test_options_out_of_range_are_refused_at_birth(options):
    with pytest.raises(InputError, match="of method ilvr must be"):
        ILVR(**options)


def test_the_reference_names_every_method_and_option(root):
    rows = (root / "docs" / "reference" / "cli.md").read_text("utf-8").splitlines()
    for name in METHODS:
        method = named(name, {}, MASKED)
        [row] = [row for row in rows if row.startswith(f"| `{name}` |")]
        assert [option for option in method.options() if f"`{option}`" not in row] == []
        assert row.endswith(f"| {method.usual_strength:g} |")
