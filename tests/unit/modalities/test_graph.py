"""Scene graphs: known words in triples that can be told, at most sixteen of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from misen.core.errors import FormatError, InputError, LimitError
from misen.modalities.graph.encoder import GraphEncoder
from misen.modalities.graph.signal import DIRECTIONS, LIMIT, Graph
from misen.scene.anatomy import RELATIONS
from misen.scene.graph import HELD_OUT, NODES, TRIPLES, graph

WEARING = ["head", "wearing", "glasses"]


def test_a_file_opens_as_an_option_does(tmp_path: Path) -> None:
    path = tmp_path / "graph.json"
    path.write_text(json.dumps([["hat", "has color", "red"], WEARING]))
    signal = Graph.parse(str(path))
    assert signal.triples() == [[("head", "wearing", "glasses"), ("hat", "has color", "red")]]
    assert signal.describe() == ["head wearing glasses; hat has color red"]


@pytest.mark.parametrize(
    ("triples", "words"),
    [
        ([WEARING, ["head", "wears", "hat"]], "triple 1: 'wears' is not known"),
        ([["hed", "wearing", "hat"]], "triple 0: 'hed' is not known. did you mean 'head'?"),
        ([["head", "wearing", "nose"]], "may be followed by: earrings, glasses, hat"),
        ([["red", "wearing", "hat"]], "'red wearing hat' cannot be told of a head"),
        ([["head", "wearing"]], "triple 0 is no triple: ['head', 'wearing']"),
        (["hat"], "triple 0 is no triple: 'hat'"),
        ("head wearing hat", "a graph must be a list of triples, got str"),
    ],
)
def test_mistakes_are_named_with_their_place(triples: object, words: str) -> None:
    with pytest.raises(InputError) as caught:
        Graph(triples)
    assert words in str(caught.value)


def test_too_many_triples_are_refused_with_the_maximum() -> None:
    with pytest.raises(LimitError, match=r"a graph has 17 triples; the limit is 16"):
        Graph([WEARING] * 17)


def test_items_must_hold_triples() -> None:
    with pytest.raises(FormatError):
        Graph.from_json([[WEARING]])


def test_only_true_triples_are_told_and_never_too_many(truth) -> None:
    signal = Graph.observe(truth, torch.arange(len(truth)))
    seen = truth.observation
    assert not (signal.told & ~graph(truth.record.attributes, seen.attributes_visible, seen.segmentation)).any()
    counts = signal.told.sum(1)
    assert counts.min() >= 1
    assert counts.max() == LIMIT
    assert counts.unique().numel() > 3


def test_colors_and_things_worn_are_told_more_often_than_directions(truth) -> None:
    seen = truth.observation
    true = graph(truth.record.attributes, seen.attributes_visible, seen.segmentation)
    often = [Graph.observe(truth, torch.arange(len(truth)) + 100 * i).told for i in range(8)]
    told = torch.stack(often).float().mean(0)
    direction = torch.tensor([relation in DIRECTIONS for _, relation, _ in TRIPLES])
    assert told[:, ~direction][true[:, ~direction]].mean() > 2 * told[:, direction][true[:, direction]].mean()


def test_tokens_spell_the_triples() -> None:
    condition = GraphEncoder().encode(Graph([WEARING, ["hat", "above", "eyes"]]), "tokens")
    assert condition.mask.sum() == 2
    subject, relation, target = condition.value[0, 0].split([len(NODES), len(RELATIONS), len(NODES)])
    words = NODES[subject.argmax()], RELATIONS[relation.argmax()], NODES[target.argmax()]
    assert words == ("head", "wearing", "glasses")
    assert condition.value[0, 2:].eq(0).all()


def test_an_item_without_triples_is_null() -> None:
    signal = Graph.from_json([{"triples": []}, {"triples": [WEARING]}])
    assert GraphEncoder().encode(signal, "tokens").present.tolist() == [False, True]


def test_graphs_with_held_out_pairs_are_a_kind_of_their_own() -> None:
    told = [{"triples": list(HELD_OUT[0])}, {"triples": [HELD_OUT[0][0]]}]
    groups = Graph.from_json(told).groups()
    assert groups["held-out pair"].tolist() == [True, False]
    assert groups["no held-out pair"].tolist() == [False, True]
