from __future__ import annotations

import torch
from torch import nn

from elsewhere import FAR, back, elsewhere
from misen.perception.frozen import placed


def test_a_network_is_itself_where_it_is_and_one_copy_elsewhere():
    network = nn.Linear(2, 3)
    assert placed(network, torch.device("cpu")) is network
    with elsewhere():
        copy = placed(network, FAR)
        assert copy is placed(network, FAR) is not network
        assert placed(copy, FAR) is copy
    assert torch.equal(back(copy.weight), network.weight)
