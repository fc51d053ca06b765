"""Words: where a modality or a family may be named, and which names say nothing."""

from __future__ import annotations

import ast
import re

from misen.core.registry import families, modalities

KNOWS_NO_MODALITY = {"core", "synthesis", "editing", "inversion", "training", "metrics", "app", "cli"}
OTHER_MEANINGS = {"layout", "camera", "drag"}
"""Words that mean something else too: the shape of a condition, where a view is seen from, a way of editing."""

SAYS_NOTHING = {"utils", "util", "common", "helpers", "helper", "manager", "misc", "stuff"}
LONG = 60


def test_generic_layers_name_no_modality_and_no_family(sources) -> None:
    words = {*modalities(), *families()} - OTHER_MEANINGS
    inside = re.compile(r"misen\.(modalities|generators)\.\w")
    offenders = [
        f"{source.at(node)}: {node.value!r}"
        for source in sources
        if source.layer in KNOWS_NO_MODALITY
        for node in source.strings()
        if node.value in words or inside.match(node.value)
    ]
    assert not offenders, (
        "the word for a modality or a family belongs in its own folder, assembly, pretrained, recipes, configs, tests "
        "and docs; generate it from misen.core.registry instead:\n" + "\n".join(offenders)
    )


def test_module_names_say_what_is_inside(sources) -> None:
    offenders = [str(source.path) for source in sources if SAYS_NOTHING & set(source.module.split("."))]
    assert not offenders, "name these after what they hold:\n" + "\n".join(offenders)


def test_functions_are_short(sources) -> None:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    functions = [(source, node) for source in sources for node in ast.walk(source.tree) if isinstance(node, kinds)]
    lengths = sorted(node.end_lineno - node.lineno + 1 for _, node in functions)
    assert lengths[len(lengths) // 2] < 10
    long = [(source, node) for source, node in functions if node.end_lineno - node.lineno >= LONG]
    offenders = [f"{source.at(node)}: {node.name}" for source, node in long]
    assert not offenders, f"functions of more than {LONG} lines:\n" + "\n".join(offenders)
