from __future__ import annotations

import pytest

from misen import assembly
from misen.core.errors import InputError, ModelFileError, NotFoundError
from misen.core.registry import modalities
from misen.modalities.text.signal import Text


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """A weights folder with one model that can be generated with and one that cannot."""
    for name, card in {"avatars/toy": 'family = "diffusion"', "observer-z": "n = 3"}.items():
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "card.toml").write_text(card)
        (tmp_path / name / "model.safetensors").write_bytes(name.encode())
    monkeypatch.setattr(assembly, "WEIGHTS", tmp_path)
    return tmp_path


def test_models_are_found_by_name_and_folder(weights):
    assert [assembly.model_name(folder) for folder in assembly.model_folders()] == ["avatars/toy", "observer-z"]
    assert assembly.find("avatars/toy") == weights / "avatars" / "toy"
    assert assembly.find(str(weights / "avatars" / "toy")) == weights / "avatars" / "toy"


def test_an_unknown_model_names_the_closest(weights):
    with pytest.raises(NotFoundError, match="did you mean 'avatars/toy'"):
        assembly.find("avatar/toy")


def test_a_family_without_its_best_model_says_so_and_is_not_proposed(weights):
    with pytest.raises(NotFoundError, match="avatars/gan, which 'gan' stands for, is not installed") as told:
        assembly.open_model("gan")
    assert told.value.hint.endswith("installed: none")
    with pytest.raises(NotFoundError) as told:
        assembly.find("gann")
    assert "gan" not in told.value.hint.split("accepted")[1]


def test_what_is_no_generator_is_not_opened(weights):
    with pytest.raises(InputError, match="observer-z makes no pictures"):
        assembly.open_model("observer-z")


def test_an_unreadable_card_is_refused(weights):
    (weights / "observer-z" / "card.toml").write_text("= 1")
    with pytest.raises(ModelFileError, match=r"observer-z/card\.toml is not a card"):
        assembly.open_model(str(weights / "observer-z"))


def test_the_fingerprint_changes_with_any_weight(weights):
    folder = weights / "avatars" / "toy"
    before = assembly.fingerprint(folder)
    assert before == assembly.fingerprint(folder)
    (folder / "model.safetensors").write_bytes(b"other")
    assert assembly.fingerprint(folder) != before


def test_parts_are_built_when_asked_for_and_once():
    built = []
    parts = assembly.Parts(lambda name: built.append(name) or name.upper())
    assert list(parts) == list(modalities())
    assert "camera" in parts
    assert "noise" not in parts
    assert built == []
    assert parts["camera"] == parts["camera"] == "CAMERA"
    assert built == ["camera"]
    with pytest.raises(KeyError):
        parts["noise"]


def test_words_stand_for_a_prompt():
    assert assembly.words("a hat").prompts == Text("a hat").prompts
