import pytest
import torch

from misen.distributed import Team, agree, average, require_equal, whole_batch_draws

CPU = torch.device("cpu")
CALLS = {
    "randn": lambda n: torch.randn(n, 3),
    "randn of a tuple": lambda n: torch.randn((n, 3)),
    "randn by size": lambda n: torch.randn(size=(n, 3)),
    "rand": lambda n: torch.rand(n),
    "randint below": lambda n: torch.randint(100, (n, 2)),
    "randint between": lambda n: torch.randint(5, 100, (n,)),
    "randint by size": lambda n: torch.randint(5, 100, size=(n,)),
    "randint by name": lambda n: torch.randint(low=5, high=100, size=(n,)),
    "randn_like": lambda n: torch.randn_like(torch.zeros(n, 2, dtype=torch.float64)),
    "rand_like": lambda n: torch.rand_like(torch.zeros(n, 2)),
}


def drawn(call, rank, size, batch=6):
    torch.manual_seed(0)
    with whole_batch_draws(batch // size, Team(rank, size, CPU)):
        return call(batch // size)


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("size", [2, 3])
def test_shares_are_rows_of_what_one_process_draws(name, size):
    together = torch.cat([drawn(CALLS[name], rank, size) for rank in range(size)])
    alone = drawn(CALLS[name], 0, 1)
    assert together.dtype == alone.dtype
    assert torch.equal(together, alone)


def test_later_draws_stay_in_step():
    def twice(n):
        torch.randn(n, 3)
        return torch.rand(n)

    assert torch.equal(torch.cat([drawn(twice, rank, 2) for rank in (0, 1)]), drawn(twice, 0, 1))


def test_other_draws_are_equal_everywhere():
    calls = [lambda n: torch.randn(5), lambda n: torch.rand(()), lambda n: torch.randn(n, generator=torch.Generator())]
    for call in calls:
        assert torch.equal(drawn(call, 0, 2), drawn(call, 1, 2))


def test_alone_everything_is_as_it_was():
    alone = Team(0, 1, CPU)
    tensor = torch.ones(3)
    average([tensor], alone)
    require_equal({"anything": "at all"}, alone)
    assert torch.equal(tensor, torch.ones(3))
    assert agree(2.5, alone) == 2.5
    assert alone.leads
