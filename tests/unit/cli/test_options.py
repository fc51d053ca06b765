from __future__ import annotations

from inspect import signature
from pathlib import Path

import pytest

from misen.cli.options import Output, Sampling, expanded, refuse_together, sides
from misen.core.errors import InputError


def test_sizes():
    assert sides("64x128") == (64, 128)
    assert sides("256") == (256, 256)
    for wrong in ("", "64x", "x64", "64X64", "-8x64", "1e3x64", "64x64x64", "9" * 12 + "x1"):
        with pytest.raises(InputError, match="--size must be N or WxH"):
            sides(wrong)


def test_groups_stand_for_their_options_and_come_back_whole():
    seen = []

    def command(first: int, *, sampling: Sampling, output: Output) -> None:
        seen.append((first, sampling, output))

    run = expanded(command)
    names = set(signature(run).parameters)
    assert names >= {"first", "negative_text", "steps", "out", "json"}
    assert not names & {"sampling", "output"}
    given = {name: parameter.default for name, parameter in signature(run).parameters.items()}
    run(**{**given, "first": 3, "steps": 7, "out": Path("a.png")})
    assert seen == [(3, Sampling(steps=7), Output(out=Path("a.png")))]


def test_only_what_was_set_counts_as_given():
    assert Sampling().given() == {}
    assert Sampling(steps=0, seed=0).given() == {"steps": 0, "seed": 0}


def test_settings_have_the_names_of_the_library():
    settings = Sampling(steps=7, size="64x32", negative_text="a hat").settings()
    assert settings["num_inference_steps"] == 7
    assert (settings["width"], settings["height"]) == (64, 32)
    assert settings["negative_prompt"] == "a hat"
    assert settings["seed"] is None


def test_a_folder_gets_a_name_made_from_the_seed(tmp_path):
    assert Output(out=tmp_path).target(7) == tmp_path / "misen-7.png"
    assert Output(out=tmp_path / "a.png").target(7) == tmp_path / "a.png"


def test_contradictions_name_every_option():
    refuse_together("--recipe", {}, "")
    with pytest.raises(InputError, match="--recipe cannot be combined with --guidance-scale, --seed"):
        refuse_together("--recipe", {"guidance_scale": 1, "seed": 2}, "")
