from dataclasses import fields

import pytest
import torch

from misen.core.errors import ConfigError, NotFoundError, StorageError
from misen.data.cache import CachedWorld, build, decode, encode, shapes
from misen.data.world import companion, first_truths, tell_truth
from misen.recipes.build_cache import find_split
from misen.scene.attributes import COLUMN
from misen.scene.record import Record
from misen.scene.sampling import sample
from misen.scene.splits import TEST

SIZE = 16


@pytest.fixture(scope="module")
def seeds():
    return torch.arange(100, 106)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, seeds):
    folder = tmp_path_factory.mktemp("cache") / "world"
    assert list(build(folder, "toy", seeds, size=SIZE, workers=1, chunk=4)) == [4, 6]
    return folder


def test_what_is_stored_is_what_is_rendered(folder, seeds):
    world, fresh = CachedWorld(folder), tell_truth(sample(seeds), SIZE)
    cached = world.truth(torch.arange(6))
    for field in fields(Record):
        assert torch.equal(getattr(cached.record, field.name), getattr(fresh.record, field.name)), field.name
    for name in ("image", "alpha", "depth", "segmentation", "landmarks", "landmarks_visible", "attributes_visible"):
        stored, truth = getattr(cached.observation, name), getattr(fresh.observation, name)
        assert stored.dtype == truth.dtype, name
        assert (stored.float() - truth.float()).abs().max() <= 1 / 250, name
    assert (cached.sketch - fresh.sketch).abs().max() <= 1 / 500
    assert (cached.exemplar - fresh.exemplar).abs().max() <= 1 / 250
    assert cached.observation.normals.shape == (6, 0)
    assert len(cached[torch.tensor([1, 3])]) == 2


def test_the_encoding_is_stable(folder):
    truth = CachedWorld(folder).truth(slice(0, 6))
    again = decode(encode(truth))
    assert torch.equal(again.observation.image, truth.observation.image)
    assert torch.equal(again.sketch, truth.sketch)
    assert {name: tuple(t.shape[1:]) for name, t in encode(truth).items()} == {
        name: shape for name, (shape, _) in shapes(SIZE).items()
    }


def test_batches_are_a_function_of_the_step(folder):
    batches = CachedWorld(folder).batches(3, seed=0)
    first, again, later = batches(0), CachedWorld(folder).batches(3, seed=0)(0), batches(2)
    assert torch.equal(first["truth"].observation.image, again["truth"].observation.image)
    assert torch.equal(first["seeds"], first["truth"].record.seed)
    assert (later["seeds"] != later["truth"].record.seed).all()
    assert batches.fingerprint == CachedWorld(folder).fingerprint


def test_an_interrupted_build_goes_on(tmp_path, seeds, folder):
    building = build(tmp_path / "world", "toy", seeds, size=SIZE, workers=1, chunk=2)
    assert next(building) == 2
    building.close()
    with pytest.raises(ConfigError, match="unfinished"):
        CachedWorld(tmp_path / "world")
    assert list(build(tmp_path / "world", "toy", seeds, size=SIZE, workers=1, chunk=2))[-1] == 6
    assert sorted(path.name for path in (tmp_path / "world").iterdir()) == sorted(p.name for p in folder.iterdir())
    for path in folder.iterdir():
        assert (tmp_path / "world" / path.name).read_bytes() == path.read_bytes(), path.name


def test_a_finished_cache_is_left_alone_and_another_one_refused(folder, seeds):
    assert list(build(folder, "toy", seeds, size=SIZE, workers=1)) == []
    with pytest.raises(StorageError, match="holds another cache"):
        list(build(folder, "other", seeds, size=SIZE, workers=1))


def test_no_cache(tmp_path):
    with pytest.raises(NotFoundError, match="no world cache"):
        CachedWorld(tmp_path)


def test_a_companion_is_the_same_person_otherwise():
    record = sample(torch.arange(32))
    other = companion(record)
    kept = [column for key, column in COLUMN.items() if key != "expression"]
    assert torch.equal(other.identity, record.identity)
    assert torch.equal(other.detail, record.detail)
    assert torch.equal(other.attributes[:, kept], record.attributes[:, kept])
    assert not torch.equal(other.attributes, record.attributes)
    assert other.camera[:, 0].abs().max() <= torch.pi / 4
    assert not (other.camera == record.camera).all(1).any()


def test_the_first_avatars_of_a_split_in_chunks():
    chunks = list(first_truths(TEST, 3, chunk=2))
    assert [len(chunk) for chunk in chunks] == [2, 1]
    assert torch.equal(torch.cat([chunk.record.seed for chunk in chunks]), TEST.records(0, 3).seed)


def test_splits_by_name():
    assert find_split("train-a").name == "train-a"
    with pytest.raises(NotFoundError, match="train-a"):
        find_split("train-c")
