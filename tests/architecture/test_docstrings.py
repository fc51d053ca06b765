"""Every module and every public name says what it is."""

from __future__ import annotations

import ast
from collections.abc import Iterator

KINDS = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def public(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Public classes and functions, and the public methods of public classes."""
    for node in body:
        if isinstance(node, KINDS) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public(node.body)


def silent(node: ast.stmt) -> bool:
    """Overloads and property setters are documented by their first definition."""
    return any(ast.unparse(decorator).split(".")[-1] in {"overload", "setter"} for decorator in node.decorator_list)


def test_every_module_opens_with_a_sentence(sources) -> None:
    offenders = [str(source.path) for source in sources if not opening(source.tree).endswith((".", "?", ":"))]
    assert not offenders, "the first line of a module is one sentence:\n" + "\n".join(offenders)


def opening(tree: ast.Module) -> str:
    return (ast.get_docstring(tree) or "").split("\n")[0]


def test_public_names_are_documented(sources) -> None:
    offenders = [
        f"{source.at(node)}: {node.name}"
        for source in sources
        for node in public(source.tree.body)
        if not silent(node) and not ast.get_docstring(node)
    ]
    assert not offenders, "public names without a docstring:\n" + "\n".join(offenders)
