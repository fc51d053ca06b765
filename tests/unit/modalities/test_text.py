"""Prompts: what is no text is refused, what is too long is cut with a warning, and claims are graded."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch
from transformers import CLIPTextConfig, CLIPTextModel

from misen.core.errors import FormatError, InputError, LimitError
from misen.core.view import View
from misen.modalities.text.encoder import TextEncoder
from misen.modalities.text.energy import ClaimsEnergy, TextEnergy
from misen.modalities.text.judge import TextJudge
from misen.modalities.text.signal import BYTE_LIMIT, Text
from misen.perception.text import tokenizer
from misen.scene.attributes import ATTRIBUTES, BY_KEY, COLUMN, OFFSETS, ONE_HOT_WIDTH, Attribute
from misen.scene.language.caption import Mention


@pytest.fixture(scope="module")
def encoder() -> TextEncoder:
    torch.manual_seed(0)
    words = tokenizer()
    config = CLIPTextConfig(
        vocab_size=len(words), hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
        max_position_embeddings=words.model_max_length, eos_token_id=words.eos_token_id,
        bos_token_id=words.bos_token_id, pad_token_id=words.pad_token_id,
    )  # fmt: skip
    return TextEncoder(words, CLIPTextModel(config).eval())


@pytest.mark.parametrize("wrong", [None, 3, b"bytes", ["fine", None]])
def test_what_is_no_text_is_refused(wrong: object) -> None:
    kind = {None: "NoneType", 3: "int", b"bytes": "bytes"}.get(wrong if not isinstance(wrong, list) else None)
    with pytest.raises(InputError, match=f"prompt must be str, got {kind}"):
        Text(wrong)


def test_half_a_character_is_refused_with_its_place() -> None:
    with pytest.raises(InputError, match=r"surrogate U\+D83D\) at position 3"):
        Text("bad\ud83d")


def test_a_limit_of_bytes() -> None:
    Text("x" * BYTE_LIMIT)
    with pytest.raises(LimitError, match=r"100,001 bytes; the limit is 100,000"):
        Text("x" * (BYTE_LIMIT + 1))


@pytest.mark.parametrize("prompt", ["a\0b", "\u202eright to left", "🤡👩‍🦰", "戴着眼镜的女人", "\ufffd", " \t\n"])
def test_odd_characters_work_and_are_deterministic(encoder: TextEncoder, prompt: str) -> None:
    first, second = (encoder.encode(Text(prompt), "tokens").value for _ in range(2))
    assert torch.equal(first, second)
    assert first.isfinite().all()
    assert Text.from_json(Text(prompt).to_json()).prompts == (prompt,)


def test_an_empty_prompt_is_the_null_condition(encoder: TextEncoder) -> None:
    condition = encoder.encode(Text(["", "a man", "  "]), "tokens")
    assert condition.present.tolist() == [False, True, False]
    assert condition.value.shape == (3, 64, 32)
    assert condition.mask.all()


def test_hidden_states_are_those_of_the_text_model_padding_included(encoder: TextEncoder) -> None:
    padded = encoder.tokenizer("a bald man", padding="max_length", max_length=64, return_tensors="pt").input_ids
    expected = encoder.model(input_ids=padded).last_hidden_state
    assert torch.equal(encoder.encode(Text("a bald man"), "tokens").value, expected)


def test_too_long_is_cut_with_the_number_of_lost_tokens(encoder: TextEncoder) -> None:
    long = "very " * 100 + "long"
    lost = len(encoder.tokenizer(long).input_ids) - 64
    with pytest.warns(UserWarning, match=f"its last {lost} tokens were dropped"):
        value = encoder.encode(Text(long), "tokens").value
    kept = " ".join(long.split()[:62])
    assert torch.equal(value, encoder.encode(Text(kept), "tokens").value)


def test_captions_are_about_their_avatar(truth) -> None:
    text = Text.observe(truth, torch.arange(len(truth)))
    for item, claims in enumerate(text.claims):
        values = {key: truth.record.value(key, item) for key in BY_KEY}
        assert all(claim.holds(values) for claim in claims)
        assert all(truth.observation.attributes_visible[item, COLUMN[claim.key]] for claim in claims)


def test_both_languages_and_all_lengths_occur(truth) -> None:
    texts = [Text.observe(truth, torch.arange(16) + shift).prompts for shift in (0, 16, 32)]
    chinese = [any("一" <= c <= "鿿" for c in prompt) for prompts in texts for prompt in prompts]
    assert 3 < sum(chinese) < 30
    assert Text.observe(truth, torch.arange(16)).prompts == texts[0]


@pytest.mark.parametrize("item", [{}, {"prompt": "x"}, "x", {"text": "x", "claims": [["hat"]]}])
def test_malformed_json_is_refused(item: object) -> None:
    with pytest.raises(FormatError):
        Text.from_json([item])


def test_claims_about_unknown_attributes_are_refused() -> None:
    with pytest.raises(InputError, match="no attribute 'hat' has a value 'fez'"):
        Text.from_json([{"text": "x", "claims": [["hat", "fez", False]]}])


def test_judge_counts_claims_and_negations() -> None:
    logits = torch.zeros(1, ONE_HOT_WIDTH)
    logits[0, OFFSETS[COLUMN["hat"]] + BY_KEY["hat"].index("cap")] = 9.0
    reading = SimpleNamespace(
        log_probability=lambda c: logits[:, OFFSETS[c] : OFFSETS[c] + len(list(BY_KEY.values())[c])].log_softmax(1)
    )
    judge = TextJudge(lambda images: reading, SimpleNamespace)
    said, denied = ("cap", "beanie"), ("none", "cap")  # of each pair the first is right
    claims = (*(Mention("hat", hat) for hat in said), *(Mention("hat", hat, True) for hat in denied))
    assert judge.score(torch.zeros(1, 3, 64, 64), Text("x", [claims])).item() == 0.5
    assert judge.score(torch.zeros(1, 3, 64, 64), Text("free words")).isnan().all()


def test_a_full_caption_claims_more_than_a_partial_one(truth) -> None:
    some, full = (observe(truth, truth.record.seed) for observe in (Text.observe, Text.observe_fully))
    assert sum(map(len, full.claims)) > sum(map(len, some.claims))


def test_captions_are_false_of_others_and_never_of_their_own_avatar(truth) -> None:
    false = Text.observe_fully(truth, truth.record.seed).false_of(
        truth.record.attributes, truth.observation.attributes_visible
    )
    assert not false.diagonal().any()
    assert false.float().mean() > 0.5
    assert not Text("free words").false_of(truth.record.attributes, truth.observation.attributes_visible).any()


def test_prompts_fall_into_kinds() -> None:
    claims = [
        (Mention("hat", "none"),),
        (Mention("hat", "none", True), Mention("hair_style", "bald", True)),
        (Mention("expression", "smiling", True),),
        None,
    ]
    groups = Text(["no hat", "a hat", "没有微笑", "free"], claims).groups()
    assert groups["negation"].tolist() == [True, False, True, False]
    assert groups["chinese"].tolist() == [False, False, True, False]


def test_the_judge_places_pictures_and_prompts_in_one_space() -> None:
    joint = SimpleNamespace(image=lambda images: images.mean((2, 3)), text=lambda prompts: torch.ones(len(prompts), 3))
    images, prompts = TextJudge(None, lambda: joint).places(torch.zeros(2, 3, 8, 8), Text(["a", "b"]))
    assert images.shape == prompts.shape == (2, 3)


# --- energies --------------------------------------------------------------------------------------------------------

VIEW = View(torch.zeros(2, 3, 64, 64))


class Certain:
    """Sees one value of each attribute with a probability, the others equally seldom."""

    def __init__(self, chance: float, **values: str) -> None:
        self.chance, self.values = chance, values

    def __call__(self, images: torch.Tensor) -> SimpleNamespace:
        return SimpleNamespace(log_probability=lambda column: self._row(ATTRIBUTES[column]).expand(len(images), -1))

    def _row(self, attribute: Attribute) -> torch.Tensor:
        seldom = (1 - self.chance) / (len(attribute) - 1)
        chances = torch.full((1, len(attribute)), seldom)
        chances[0, attribute.index(self.values.get(attribute.key, attribute.values[0]))] = self.chance
        return chances.log()


class Nowhere:
    """An embedding in which nothing is like anything."""

    def image(self, images: torch.Tensor) -> torch.Tensor:
        return images.new_tensor([[1.0, 0.0]]).expand(len(images), -1)

    def text(self, sentences: list[str]) -> torch.Tensor:
        return torch.tensor([[0.0, 1.0]]).expand(len(sentences), -1)


def test_claims_cost_their_negative_log_likelihood_and_denied_ones_that_of_all_others() -> None:
    look = Certain(0.9, glasses="round", hat="none")
    prompts = Text(["round glasses", "a person without glasses"])
    right, wrong = ClaimsEnergy(look).begin(prompts, VIEW)(VIEW).tolist()
    others = len(BY_KEY["glasses"]) - 1
    assert right == pytest.approx(-math.log(0.9), rel=1e-4)
    assert wrong == pytest.approx(-math.log(0.1 / others), rel=1e-4)
    [denied] = ClaimsEnergy(look).begin(Text("a person in a hat"), VIEW)(View(VIEW.image[:1])).tolist()
    assert denied == pytest.approx(-math.log(0.1), rel=1e-4)


def test_what_is_known_of_a_prompt_does_not_steer() -> None:
    told = Text(["round glasses"], [(Mention("glasses", "none"),)])
    view = View(VIEW.image[:1])
    expected = ClaimsEnergy(Certain(0.9, glasses="round")).begin(Text("round glasses"), view)(view)
    assert torch.equal(ClaimsEnergy(Certain(0.9, glasses="round")).begin(told, view)(view), expected)


def test_prompts_in_which_nothing_is_heard_are_measured_in_the_joint_embedding() -> None:
    energy = TextEnergy(Certain(0.9, glasses="round"), Nowhere())
    values = energy.begin(Text(["round glasses", "serendipity"]), VIEW)(VIEW)
    assert values.tolist() == pytest.approx([-math.log(0.9), 1.0], rel=1e-4)
    for name in ("claims", "joint"):
        assert energy.measures[name].begin(Text(["", "  "]), VIEW)(VIEW).abs().max() == 0
