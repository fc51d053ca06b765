from __future__ import annotations

import tomllib

from misen.nn.card import to_toml


def test_toml_reads_back_equal():
    card = {
        "name": 'quotes " and \\ and\nlines and 中文 \x7f', "n": 3, "rate": 1e-4, "yes": True, "betas": [0.9, 0.99],
        "names": ["a", "b"], "table": {"inner key.with dots": {"value": 0.5}, "empty": {}, "zh": "x"},
    }  # fmt: skip
    assert tomllib.loads(to_toml(card)) == card
