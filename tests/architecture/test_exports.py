"""``__all__`` is the truth about what a module offers."""

from __future__ import annotations

import ast

import misen
from misen.core.registry import modalities


def declared(tree: ast.Module) -> list[str] | None:
    """The literal ``__all__`` of a module, or None."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(ast.unparse(target) == "__all__" for target in node.targets):
            return list(ast.literal_eval(node.value))
    return None


def offered(tree: ast.Module) -> set[str]:
    """Public names bound at the top of a module."""
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module != "__future__":
            names |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)}
    return {name for name in names if not name.startswith("__")}


def test_declared_names_exist_once(sources) -> None:
    lists = [(source, declared(source.tree) or []) for source in sources]
    offenders = [
        str(source.path)
        for source, names in lists
        if len(names) != len(set(names)) or set(names) - offered(source.tree)
    ]
    assert not offenders, "__all__ names something twice, or something that is not there:\n" + "\n".join(offenders)


def test_packages_declare_what_they_pass_on(sources) -> None:
    packages = [source for source in sources if source.path.name == "__init__.py"]
    undeclared = {source.path: passed_on(source) - set(declared(source.tree) or ()) for source in packages}
    offenders = [f"{path}: {', '.join(sorted(names))}" for path, names in undeclared.items() if names]
    assert not offenders, "a package lists in __all__ what it imports from its modules:\n" + "\n".join(offenders)


def passed_on(source) -> set[str]:
    """Names a package imports at its top from its own modules."""
    imports = [node for node in source.tree.body if isinstance(node, ast.ImportFrom)]
    own = [node for node in imports if (node.module or "").startswith(f"{source.module}.")]
    return {alias.asname or alias.name for node in own for alias in node.names}


def test_public_face_offers_one_signal_per_modality() -> None:
    signals = {modality.signal_class for modality in modalities().values()}
    others = {"load", "animate", "raw", "Adapter", "Guidance", "Consistency", "MisenError", "__version__"}
    assert set(misen.__all__) == {*others, *signals}
    assert dir(misen) == misen.__all__
    assert [name for name in misen.__all__ if not hasattr(misen, name)] == []
