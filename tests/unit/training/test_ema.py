import torch
from torch import nn

from misen.training.ema import Ema, warmed


def test_formula_against_a_loop_in_float64():
    torch.manual_seed(0)
    module = nn.Linear(3, 2)
    ema = Ema(module, dict(module.named_parameters()), 0.9)
    expected = module.weight.detach().double().clone()
    for update in range(1, 40):
        with torch.no_grad():
            module.weight.normal_()
        ema.update(update)
        decay = min(0.9, (1 + update) / (10 + update))
        expected = decay * expected + (1 - decay) * module.weight.detach().double()
    torch.testing.assert_close(ema.averages["weight"].double(), expected, atol=1e-6, rtol=0)


def test_warm_up_rises_to_the_decay():
    assert warmed(0.999, 0) == 0.1
    assert warmed(0.999, 10**6) == 0.999


def test_applied_swaps_and_restores_weights_and_modes():
    module = nn.Sequential(nn.Linear(2, 2), nn.Dropout(), nn.BatchNorm1d(2))
    module[1].eval()
    ema = Ema(module, dict(module.named_parameters()), 0.5)
    before = module[0].weight.detach().clone()
    with torch.no_grad():
        module[0].weight.add_(1)
    with ema.applied() as averaged:
        assert not averaged.training
        torch.testing.assert_close(averaged[0].weight.detach(), before)
    torch.testing.assert_close(module[0].weight.detach(), before + 1)
    assert module.training
    assert not module[1].training
    assert set(ema.weights()) == set(module.state_dict())
