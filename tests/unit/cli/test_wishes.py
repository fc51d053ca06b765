from __future__ import annotations

import pytest

from misen.cli.wishes import Wishes, guidance, split
from misen.core.errors import InputError
from misen.core.guidance import USUAL, Consistency
from misen.core.registry import modalities


@pytest.mark.parametrize(
    ("argument", "value", "suffix"),
    [
        ("a bald man", "a bald man", {}),
        ("a man:strength=0.5", "a man", {"strength": "0.5"}),
        ("a man:end=0.6, start = 0.1,route=native", "a man", {"end": "0.6", "start": "0.1", "route": "native"}),
        ("half past 5:30", "half past 5:30", {}),
        ("note: strength=1 is usual", "note: strength=1 is usual", {}),
        ("a: b:strength=2", "a: b", {"strength": "2"}),
        ("x:strength=1,color=red", "x:strength=1,color=red", {}),
        ("yaw=20,pitch=5:end=0.5", "yaw=20,pitch=5", {"end": "0.5"}),
        (r"C:\pictures\face.png:route=native", r"C:\pictures\face.png", {"route": "native"}),
        ("start=0.2", "start=0.2", {}),
        ("", "", {}),
    ],
)  # fmt: skip
def test_a_suffix_counts_only_if_it_consists_of_its_keys(argument, value, suffix):
    assert split(argument) == (value, suffix)


def test_a_suffix_becomes_strength_window_and_route():
    wish = guidance(modalities()["camera"], "yaw=20:strength=-0.5,start=0.2,end=0.8,route=native")
    assert (wish.strength, wish.window, wish.route) == (-0.5, (0.2, 0.8), "native")
    plain = guidance(modalities()["camera"], "yaw=20")
    assert (plain.strength, plain.window, plain.route) == (1.0, (0.0, 1.0), "auto")


def test_a_suffix_holds_the_options_of_consistency():
    argument = "yaw=20:route=consistency,measure=angles,copies=4,gradients=2,recurrences=3,interval=2,through=true"
    assert guidance(modalities()["camera"], argument).consistency == Consistency(
        measure="angles", copies=4, gradients=2, recurrences=3, interval=2, through=True
    )
    assert guidance(modalities()["camera"], "yaw=20").consistency == USUAL


@pytest.mark.parametrize(
    ("suffix", "complaint"),
    [
        ("strength=much", "strength of --camera must be a number, got 'much'"),
        ("strength=nan", "strength must be a finite number"),
        ("strength=1,strength=2", "strength is given twice"),
        ("strength=", "is not key=value"),
        ("start=0.8,end=0.2", "window must satisfy 0 <= start < end <= 1"),
        ("copies=many", "copies must be a whole number from 1 to 64, got 'many'"),
        ("recurrences=0", "recurrences must be a whole number from 1 to 64, got 0"),
        ("through=perhaps", "through must be true or false, got 'perhaps'"),
        ("route=naive", "unknown route 'naive'. did you mean 'native'?"),
    ],
)
def test_senseless_suffixes_are_refused(suffix, complaint):
    with pytest.raises(InputError) as caught:
        guidance(modalities()["camera"], f"yaw=20:{suffix}")
    assert complaint in str(caught.value)


def test_there_is_one_option_per_modality():
    assert [parameter.name for parameter in Wishes.parameters()] == list(modalities())


def test_what_makes_no_sense_twice_is_refused():
    once = [name for name, modality in modalities().items() if not modality.repeatable]
    assert "camera" in once
    for name in once:
        with pytest.raises(InputError, match=f"--{name} is given 2 times"):
            Wishes({name: ["yaw=1", "yaw=2"]}).guidances()
