"""Translating networks in the family's folders."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from misen.core.errors import ModelFileError
from misen.core.generator import Level
from misen.core.seeding import Streams
from misen.generators.gan import folder as files
from misen.nn import weights
from translators import MATCHED, SMALL, TOLD, generator, some_map


@pytest.mark.parametrize("table", [TOLD, MATCHED], ids=["told", "matched"])
@pytest.mark.parametrize("fusion", ["spade", "concat"])
def test_a_model_comes_back_as_it_was(tmp_path, table, fusion):
    made = generator(table, replace(SMALL, fusion=fusion))
    made.networks.half().float()
    files.save(made, tmp_path / "model")
    opened = files.load(tmp_path / "model")
    assert opened.networks.settings == replace(SMALL, fusion=fusion, widths=list(SMALL.widths))
    assert opened.networks.table == table
    assert opened.card["name"] == "small"
    state, given = made.start(1, Streams([3])), {"tint": some_map(3, 1)}
    first, second = (one.predict(state, Level(0.0), given).point for one in (made, opened))
    assert torch.equal(first, second)
    assert not any(parameter.requires_grad for parameter in opened.networks.parameters())


@pytest.mark.parametrize(
    "architecture",
    [{}, {"network": {"fusion": "soup"}, "table": {"maps": {}, "vectors": {}, "exemplar": ""}}, {"network": 1}],
)
def test_a_card_of_something_else_is_refused(tmp_path, architecture):
    weights.save(generator().networks, tmp_path, {"kind": "translation", "architecture": architecture})
    with pytest.raises(ModelFileError, match="describes no translation"):
        files.load(tmp_path)
