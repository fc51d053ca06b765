from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

import foreign
from misen.pretrained.stable_diffusion import folder as files
from misen.pretrained.stable_diffusion.folder import SCHEDULER, Checkpoint


def said(folder: Path, **settings: object) -> Path:
    """The folder, whose scheduler's configuration says more."""
    path = folder / "scheduler" / SCHEDULER
    path.write_text(json.dumps({**json.loads(path.read_text()), **settings}))
    return folder


BUILDERS: dict[str, Callable[[Path], Path]] = {
    "noise": foreign.plain,
    "velocity": lambda folder: foreign.plain(folder, prediction="v_prediction"),
    "no signal left": lambda folder: foreign.plain(
        folder, prediction="v_prediction", rescale_betas_zero_snr=True, timestep_spacing="trailing"
    ),
    "karras": lambda folder: said(foreign.plain(folder), use_karras_sigmas=True),
    "exponential": lambda folder: said(foreign.plain(folder), use_exponential_sigmas=True),
    "beta": lambda folder: said(foreign.plain(folder), use_beta_sigmas=True),
    "noisy end": lambda folder: said(foreign.plain(folder), final_sigmas_type="sigma_min"),
    "noisy end of karras": lambda folder: said(
        foreign.plain(folder), final_sigmas_type="sigma_min", use_karras_sigmas=True
    ),
    "paired": foreign.paired,
    "codes": lambda folder: foreign.plain(folder, vae=foreign.quantized),
    "early": foreign.early,
    "early with CLIP": lambda folder: foreign.early(folder, reader="CLIPTextModel"),
    "repainter": lambda folder: foreign.plain(folder, channels=9),
    "wordless": foreign.wordless,
}
"""Folders by what is special about them."""


@pytest.fixture(scope="session")
def folder_of(tmp_path_factory) -> Callable[[str], Path]:
    """Where a folder lies, written once; not to be changed."""
    return cache(lambda name: BUILDERS[name](tmp_path_factory.mktemp("foreign") / "model"))


@pytest.fixture(scope="session")
def opened(folder_of) -> Callable[[str], Checkpoint]:
    """What is in a folder, opened once."""
    return cache(lambda name: files.load(folder_of(name)))
