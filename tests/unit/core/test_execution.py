from __future__ import annotations

import pytest

from misen.core.errors import InputError
from misen.core.execution import Execution


def test_it_can_be_read():
    assert str(Execution()) == "float32, eager, 1 thread"
    assert str(Execution("bfloat16", "compiled", 2)) == "bfloat16, compiled, 2 threads"


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"precision": "bfloat"}, "there is no precision 'bfloat'"),
        ({"engine": "tvm"}, "there is no engine 'tvm'"),
        ({"threads": 0}, "threads must be a whole number from 1, got 0"),
        ({"threads": True}, "threads must be a whole number from 1, got True"),
    ],
)
def test_what_makes_no_sense_is_refused(given, complaint):
    with pytest.raises(InputError, match=complaint):
        Execution(**given)
