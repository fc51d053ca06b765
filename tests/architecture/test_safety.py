"""Nothing in the package can run code that came in a file, and nothing in the repository points into one machine."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

UNSAFE_MODULES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
UNSAFE_CALLS = {"eval", "exec", "torch.load", "torch.hub.load", "yaml.load", "yaml.unsafe_load", "os.system"}
UNSAFE_OPTIONS = {"allow_pickle", "shell", "trust_remote_code"}
HOMES = ("home", "root", "Users", "work", "mnt", "opt", "srv")
MACHINE_PATH = re.compile(rf"(?:^|[\s\"'=(`:])/(?:{'|'.join(HOMES)})/\w", re.MULTILINE)


def imported(tree: ast.Module) -> Iterator[tuple[ast.stmt, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from ((node, f"{node.module}.{alias.name}") for alias in node.names)


def test_nothing_is_unpickled(sources) -> None:
    offenders = [
        source.at(node)
        for source in sources
        for node, name in imported(source.tree)
        if name.split(".")[0] in UNSAFE_MODULES or name in UNSAFE_CALLS
    ]
    assert not offenders, "weights are safetensors; these could run code from a file:\n" + "\n".join(offenders)


def test_no_call_runs_foreign_code(sources) -> None:
    offenders = [
        f"{source.at(node)}: {ast.unparse(node)}"
        for source in sources
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call)
        and (
            ast.unparse(node.func) in UNSAFE_CALLS
            or any(option.arg in UNSAFE_OPTIONS and ast.unparse(option.value) != "False" for option in node.keywords)
        )
    ]
    assert not offenders, "these calls could run code from a file:\n" + "\n".join(offenders)


def test_torchvision_and_torchaudio_are_not_imported(sources) -> None:
    offenders = [
        source.at(node)
        for source in sources
        for node, name in imported(source.tree)
        if name.split(".")[0] in {"torchvision", "torchaudio", "lpips"}
    ]
    assert not offenders, "the package must work where torchvision is missing or broken:\n" + "\n".join(offenders)


def test_no_path_of_a_machine(written: list[Path]) -> None:
    offenders = [
        f"{path}: {match.group().strip()}..."
        for path in written
        for match in MACHINE_PATH.finditer(path.read_text("utf-8"))
    ]
    assert not offenders, "absolute paths of one machine:\n" + "\n".join(offenders)
