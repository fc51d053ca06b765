import pytest
import torch

from misen.core.errors import ConfigError
from misen.data.order import Order


def test_an_epoch_visits_every_item_once():
    order = Order(12, 4, seed=0)
    indices, epochs = zip(*(order(step) for step in range(6)), strict=True)
    assert epochs == (0, 0, 0, 1, 1, 1)
    for start in (0, 3):
        assert sorted(torch.cat(indices[start : start + 3]).tolist()) == list(range(12))
    assert torch.cat(indices[:3]).tolist() != torch.cat(indices[3:]).tolist()


def test_it_is_a_function_of_seed_and_step_alone():
    assert torch.equal(Order(12, 4, seed=1)(5)[0], Order(12, 4, seed=1)(5)[0])
    assert not torch.equal(Order(100, 50, seed=1)(0)[0], Order(100, 50, seed=2)(0)[0])


def test_too_few_items():
    with pytest.raises(ConfigError, match=r"batch_size 4 .* 3 items"):
        Order(3, 4, seed=0)
