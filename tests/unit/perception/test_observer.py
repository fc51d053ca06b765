from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from elsewhere import FAR, back, elsewhere
from misen.perception.observer import Observer, observer_a, observer_b
from misen.scene.attributes import ONE_HOT_WIDTH

BOTH = pytest.mark.parametrize("make", [observer_a, observer_b])


@BOTH
def test_a_reading_has_the_documented_shapes_and_ranges(make: Callable[[], Observer]):
    with torch.no_grad():
        reading = make().eval()(torch.rand(2, 3, 64, 64) * 2 - 1)
    heads = set(reading.__dataclass_fields__) - {"pyramid"}
    shapes = {name: tuple(getattr(reading, name).shape[1:]) for name in heads}
    assert shapes == {
        "attributes": (ONE_HOT_WIDTH,), "segmentation": (17, 64, 64), "landmarks": (32, 2), "landmarks_visible": (32,),
        "camera": (3,), "facing": (3,), "depth": (1, 64, 64), "identity": (64,), "expression": (12,),
        "features": (256,),
    }  # fmt: skip
    assert reading.identity.norm(dim=1) == pytest.approx([1, 1])
    assert reading.landmarks.min() >= 0
    assert reading.landmarks.max() <= 1
    assert reading.depth.min() >= 0
    assert reading.depth.max() <= 1
    assert [level.shape[-1] for level in reading.pyramid] == [32, 16, 8, 4]


@BOTH
def test_pictures_of_other_sizes_are_resized(make: Callable[[], Observer]):
    observer = make().eval()
    small = torch.rand(1, 3, 32, 32) * 2 - 1
    large = small.repeat_interleave(4, dim=2).repeat_interleave(4, dim=3)
    shrunk = large.reshape(1, 3, 64, 2, 64, 2)[:, :, :, 0, :, 0]
    torch.testing.assert_close(observer(large).camera, observer(shrunk).camera, atol=0.05, rtol=0)


@BOTH
def test_the_picture_receives_a_gradient_from_every_head(make: Callable[[], Observer]):
    observer = make().eval()
    for head in ("attributes", "segmentation", "landmarks", "camera", "depth", "identity", "expression"):
        image = torch.rand(1, 3, 64, 64, requires_grad=True)
        (getattr(observer(image), head) ** 3).sum().backward()
        assert image.grad.abs().sum() > 0, head


@BOTH
def test_a_picture_reads_the_same_in_any_batch(make: Callable[[], Observer]):
    observer, images = make().eval(), torch.rand(3, 3, 64, 64)
    torch.testing.assert_close(observer(images).features[:1], observer(images[:1]).features, atol=1e-4, rtol=1e-4)


@BOTH
def test_pictures_are_looked_at_where_they_are(make: Callable[[], Observer]):
    observer, images = make().eval().requires_grad_(False), torch.rand(2, 3, 80, 80) * 2 - 1
    here = observer(images)
    with elsewhere():
        there = observer(images.to(FAR))
    for head in set(here.__dataclass_fields__) - {"pyramid"}:
        torch.testing.assert_close(back(getattr(there, head)), getattr(here, head), atol=1e-4, rtol=1e-4)
    assert all(maps.device == FAR for maps in there.pyramid)


def test_the_two_observers_share_no_architecture_and_fit_the_budget():
    a, b = observer_a(), observer_b()
    assert type(a.pyramid) is not type(b.pyramid)
    assert all(1.0e6 < sum(p.numel() for p in observer.parameters()) < 1.5e6 for observer in (a, b))
