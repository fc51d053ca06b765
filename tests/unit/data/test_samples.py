import io
import json
import tarfile

import numpy as np
import pytest
import torch
from PIL import Image

from misen.core.errors import ConfigError, FormatError, NotFoundError
from misen.data.imagefolder import rows
from misen.data.pictures import PictureData
from misen.data.samples import Samples
from misen.data.shards import unpack

COLUMNS = {"text": "text", "sketch": "line_file_name"}


def png(seed, size=(20, 16)):
    draw = np.random.default_rng(seed)
    stream = io.BytesIO()
    Image.fromarray(draw.integers(0, 255, (*size, 3), dtype=np.uint8)).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def folder(tmp_path):
    entries = []
    for index in range(5):
        for name in ("picture", "line"):
            (tmp_path / f"{name}-{index}.png").write_bytes(png(index))
        entries.append(
            {"file_name": f"picture-{index}.png", "text": f"number {index}", "line_file_name": f"line-{index}.png"}
        )
    write(tmp_path, entries)
    return tmp_path


def write(folder, entries):
    (folder / "metadata.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in entries))


def entries(folder):
    return [json.loads(line) for line in (folder / "metadata.jsonl").read_text().splitlines()]


def test_samples_are_aligned(folder):
    samples = Samples.read(folder, 16, COLUMNS)
    assert samples.pixels.shape == (5, 16, 16, 3)
    batch = samples.batches(2, seed=0)(0)
    assert batch["image"].shape == (2, 3, 16, 16)
    assert batch["image"].abs().max() <= 1
    assert set(batch["signals"]) == {"text", "sketch"}
    assert all(len(signal) == 2 for signal in batch["signals"].values())
    assert torch.equal(batch["image"], Samples.read(folder, 16, COLUMNS).batches(2, seed=0)(0)["image"])


def test_pictures_are_padded_with_white(folder):
    samples = Samples.read(folder, 20, {})
    assert (samples.pixels[:, :, :2] == 255).all()
    assert not (samples.pixels[:, :, 2:18] == 255).all()


def test_plain_pictures_need_no_metadata(folder):
    (folder / "metadata.jsonl").unlink()
    assert len(Samples.read(folder, 16, {})) == 10


def test_lists_of_words_and_splits(folder):
    splits = ["test", "train", "train", "train", "train"]
    write(folder, [{**e, "words": ["a", "b"], "split": s} for e, s in zip(entries(folder), splits, strict=True)])
    samples = Samples.read(folder, 16, {"text": "words"}, split="train")
    assert len(samples) == 4
    assert "a, b" in samples.signals["text"].describe()[0]


def spoil(folder):
    """One fault of each kind; 1 of 8 rows stays sound."""
    listed = entries(folder)
    (folder / "picture-1.png").write_bytes(b"not a picture")
    listed[2]["file_name"] = "picture-0.png"
    listed[3]["text"] = ""
    listed[4]["file_name"] = "absent.png"
    listed += [{"text": "no picture", "line_file_name": "line-0.png"}, {**listed[0], "file_name": "../secret.png"}]
    write(folder, listed)
    with (folder / "metadata.jsonl").open("a") as metadata:
        metadata.write("{broken\n[1]\n")


def test_all_bad_rows_are_listed_before_anything_is_trained(folder):
    spoil(folder)
    with pytest.raises(FormatError) as caught:
        Samples.read(folder, 16, COLUMNS)
    expected = {
        2: "picture-1.png",
        3: "given before, in line 1",
        4: "text is missing",
        5: "no file 'absent.png'",
        6: "file_name is missing",
        7: "leads out of the folder",
        8: "not JSON",
        9: "a row must be an object",
    }
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("8 of 9 rows")
    for (number, reason), line in zip(expected.items(), lines[1:], strict=True):
        assert line.startswith(f"metadata.jsonl:{number}")
        assert reason in line
    assert "--skip-bad" in caught.value.hint


def test_skipping_counts_and_names_them(folder):
    spoil(folder)
    with pytest.warns(UserWarning, match=r"8 of 9 rows .*\n.*picture-1.png"):
        samples = Samples.read(folder, 16, COLUMNS, skip_bad=True)
    assert len(samples) == 1
    assert len(samples.bad) == 8


def test_one_broken_file_among_many(folder):
    write(folder, [{"file_name": f"picture-{i}.png"} for i in range(5)])
    (folder / "picture-3.png").write_bytes(png(0)[:-30])
    with pytest.raises(FormatError, match=r"1 of 5 rows"):
        Samples.read(folder, 16, {})
    with pytest.warns(UserWarning, match=r"picture-3\.png"):
        assert len(Samples.read(folder, 16, {}, skip_bad=True)) == 4


def test_empty_and_missing_folders(tmp_path):
    with pytest.raises(NotFoundError, match="holds no pictures"):
        rows(tmp_path)
    with pytest.raises(NotFoundError, match="no folder"):
        rows(tmp_path / "absent")


def test_unknown_modalities_and_columns(folder):
    with pytest.raises(ConfigError, match="did you mean 'sketch'"):
        Samples.read(folder, 16, {"skech": "line_file_name"})
    with pytest.raises(ConfigError, match="did you mean 'line_file_name'"):
        Samples.read(folder, 16, {"sketch": "line_filename"})


def test_another_folder_has_another_fingerprint(folder):
    first = Samples.read(folder, 16, COLUMNS).fingerprint
    write(folder, [{**entry, "text": "other"} for entry in entries(folder)])
    assert Samples.read(folder, 16, COLUMNS).fingerprint != first


def pack(path, members):
    with tarfile.open(path, "w") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def test_shards_become_a_folder(tmp_path):
    members = {}
    for index in range(3):
        members |= {f"a/{index}.png": png(index), f"a/{index}.sketch.png": png(index), f"a/{index}.txt": b"words"}
        members[f"a/{index}.json"] = b'{"words": ["x", "y"]}'
    pack(tmp_path / "shard.tar", members)
    unpack([tmp_path / "shard.tar"], tmp_path / "folder")
    samples = Samples.read(tmp_path / "folder", 16, {"text": "text", "sketch": "sketch_file_name"})
    assert len(samples) == 3
    assert len(Samples.read(tmp_path / "folder", 16, {"text": "words"})) == 3


def test_names_in_shards_decide_nothing(tmp_path):
    pack(tmp_path / "shard.tar", {"../../outside.png": png(0), "/etc/x.png": png(1), "b.PNG": png(2), "b.py": b"1"})
    unpack([tmp_path / "shard.tar"], tmp_path / "in" / "folder")
    assert len(Samples.read(tmp_path / "in" / "folder", 16, {})) == 3
    assert {path.name for path in tmp_path.iterdir()} == {"shard.tar", "in"}


def test_samples_without_picture_are_named(tmp_path):
    pack(tmp_path / "shard.tar", {"a.png": png(0), "b.txt": b"words"})
    unpack([tmp_path / "shard.tar"], tmp_path / "folder")
    with pytest.raises(FormatError, match=r"metadata.jsonl:2: file_name is missing"):
        Samples.read(tmp_path / "folder", 16, {})


@pytest.mark.parametrize("content", [b"not a tar", None])
def test_bad_shards(tmp_path, content):
    if content is not None:
        (tmp_path / "shard.tar").write_bytes(content)
    with pytest.raises((FormatError, NotFoundError), match=r"shard\.tar"):
        unpack([tmp_path / "shard.tar"], tmp_path / "folder")


def test_a_truncated_shard(tmp_path):
    pack(tmp_path / "shard.tar", {f"{i}.png": png(i) for i in range(3)})
    content = (tmp_path / "shard.tar").read_bytes()
    (tmp_path / "shard.tar").write_bytes(content[:1500])
    with pytest.raises(FormatError, match="not a whole tar"):
        unpack([tmp_path / "shard.tar"], tmp_path / "folder")


def test_the_data_table_takes_a_folder_or_shards(folder, tmp_path):
    assert len(PictureData(folder=str(folder), columns=COLUMNS).read(16, tmp_path)) == 5
    pack(tmp_path / "shard.tar", {"a.png": png(0)})
    assert len(PictureData(shards=[str(tmp_path / "shard.tar")]).read(16, tmp_path / "run")) == 1
    with pytest.raises(ConfigError, match="either folder or shards"):
        PictureData().read(16, tmp_path)
