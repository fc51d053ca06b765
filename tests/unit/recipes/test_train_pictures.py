import pytest
import torch

from misen.assembly import encoders
from misen.core.errors import ConfigError
from misen.core.registry import modalities
from misen.data.samples import Samples
from misen.recipes.train_diffusion import Entrance
from misen.recipes.train_pictures import PictureBatches, check_ports
from misen.training.config import parse_config

PORTS = {"sketch": Entrance("map")}


@pytest.fixture
def batches():
    pixels = torch.zeros(12, 64, 64, 3, dtype=torch.uint8)
    ink = torch.rand(12, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    samples = Samples(pixels, {"sketch": modalities()["sketch"].signal(ink)})
    latents = torch.arange(12.0).view(12, 1, 1, 1).expand(12, 4, 2, 2)
    return PictureBatches(samples, latents, PORTS, parse_config('name = "x"\nsteps = 1\nbatch_size = 8'))


def test_latents_and_conditions_belong_together(batches):
    batch = batches(0)
    condition, items = batch["conditions"]["sketch"], batch["latents"][:, 0, 0, 0].long()
    assert condition.present.any()
    assert not condition.present.all()
    signal = batches.source.signals["sketch"][items]
    expected = encoders()["sketch"].encode(signal, "map").value
    torch.testing.assert_close(condition.value[condition.present], expected[condition.present])


def test_a_step_is_a_function_of_its_number(batches):
    first, again = batches(3), batches(3)
    assert torch.equal(first["latents"], again["latents"])
    assert torch.equal(first["conditions"]["sketch"].present, again["conditions"]["sketch"].present)


def test_every_port_needs_a_column():
    with pytest.raises(ConfigError, match="no column for sketch"):
        check_ports(PORTS, {"text": "text"})
    check_ports(PORTS, {"text": "text", "sketch": "line_file_name"})
