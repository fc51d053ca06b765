"""State files: an inverted picture on disk, as tensors and a JSON document of how it was inverted; nothing else opens.

A safetensors file; its metadata hold one entry, the document, which names the model with the digest of its weights, the
method, the recipe of the walk, and the SHA-256 of the document's other fields and the tensors.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import safe_open
from safetensors.torch import save as encode
from torch import Tensor

from misen.core.condition import Condition, Layout
from misen.core.errors import ModelFileError, Unreachable
from misen.core.files import replace_file
from misen.core.generator import Generator, State, Storable, answering
from misen.inversion.null_text import NullText
from misen.inversion.pivot import changed
from misen.inversion.reverse import Inversion
from misen.nn.description import check_format
from misen.nn.weights import read_tensors

FORMAT = 1
"""Version of the document; a newer one is refused."""
ENTRY = "misen_state"
"""Where the metadata hold the document."""
NULL, NETWORK = "null", "network"
"""First part of the names of nulls, and of tuned parameters, among the tensors."""
LAYOUTS: Mapping[int, Layout] = {2: "vector", 3: "tokens", 4: "map"}
"""The layout of a null by the number of its axes."""


@dataclass(frozen=True)
class StateFile:
    """What a state file holds.

    Attributes:
        model: name of the model whose state it is.
        sha256: digest of its weights.
        method: how the picture was inverted.
        recipe: the walk that rebuilds the picture, as a recipe document.
        fidelity: figures of the rebuilt picture, by name.
        tensors: the state and what else the method needs, by name.
    """

    model: str
    sha256: str
    method: str
    recipe: Mapping[str, Any]
    fidelity: Mapping[str, float]
    tensors: Mapping[str, Tensor] = field(repr=False)

    def write(self, path: Path) -> None:
        """Put it under ``path``, wholly or not at all; raises ``StorageError``."""
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in self.tensors.items()}
        facts = {
            "format": FORMAT,
            "model": self.model,
            "model_sha256": self.sha256,
            "method": self.method,
            "recipe": self.recipe,
            "fidelity": self.fidelity,
        }
        document = json.dumps({**facts, "sha256": _digest(facts, tensors)}, ensure_ascii=False)
        replace_file(path, encode(tensors, {ENTRY: document}))

    @classmethod
    def read(cls, path: Path) -> StateFile:
        """The content of ``path``.

        Raises:
            NotFoundError: there is no such file.
            ModelFileError: it is no state file, was altered, or is of a newer format.
        """
        tensors = read_tensors(path)
        facts = _facts(path)
        if facts.pop("sha256") != _digest(facts, tensors):
            raise ModelFileError(
                f"{path} was altered: its SHA-256 is not the one it records", field=str(path), hint=AGAIN
            )
        return cls(facts["model"], facts["model_sha256"], facts["method"], facts["recipe"], facts["fidelity"], tensors)

    def require(self, model: str, sha256: str) -> None:
        """Raise ``ModelFileError`` unless it is a state of the model with these weights."""
        if sha256 != self.sha256:
            raise ModelFileError(
                f"this is a state of {self.model} with other weights than those of {model}", field="state", hint=AGAIN
            )


def pack(generator: Generator, inversion: Inversion) -> dict[str, Tensor]:
    """The tensors of an inversion: its state, its nulls as ``null.LEVEL.PORT``, its parameters as ``network.NAME``.

    Raises:
        Unreachable: states of the generator cannot be kept.
    """
    nulls = {
        f"{NULL}.{level}.{port}": given.value
        for level, null in enumerate(inversion.nulls)
        for port, given in null.items()
    }
    network = {f"{NETWORK}.{name}": value for name, value in inversion.network.items()}
    return {**_storable(generator).pack(inversion.state), **nulls, **network}


def unpack(generator: Generator, tensors: Mapping[str, Tensor]) -> tuple[Generator, State]:
    """Who answers from now on, and the state that ``tensors`` from ``pack`` hold.

    Raises:
        Unreachable: states of the generator cannot be kept.
        ModelFileError: the tensors are none of its states.
    """
    own = {name: value for name, value in tensors.items() if name.partition(".")[0] not in (NULL, NETWORK)}
    state = _storable(generator).unpack(own)
    tuned = changed(generator, _part(tensors, NETWORK))
    nulls: dict[int, dict[str, Condition]] = {}
    for place, value in _part(tensors, NULL).items():
        level, _, port = place.partition(".")
        nulls.setdefault(int(level), {})[port] = Condition.full(LAYOUTS[value.ndim], value)
    learned = NullText(tuned, [nulls[k] for k in sorted(nulls)])
    return (answering(tuned, learned.predict, contrast=False) if nulls else tuned), state


def _part(tensors: Mapping[str, Tensor], kind: str) -> dict[str, Tensor]:
    """The tensors whose names begin with a word, by the rest of their names."""
    begin = f"{kind}."
    return {name.removeprefix(begin): value for name, value in tensors.items() if name.startswith(begin)}


def _storable(generator: Generator) -> Storable:
    """The generator as one whose states can be kept."""
    if not isinstance(generator, Storable):
        raise Unreachable("states of this model cannot be kept in a file", field="model", hint="edit at once")
    return generator


AGAIN = "invert the picture again"
KINDS = {
    "format": int, "model": str, "model_sha256": str, "method": str, "recipe": dict, "fidelity": dict, "sha256": str,
}  # fmt: skip
"""What the document holds."""


def is_state_file(path: Path) -> bool:
    """Whether ``path`` is a file that begins as safetensors do: the length of a header, and the header's brace."""
    try:
        with path.open("rb") as stream:
            return stream.read(9)[8:] == b"{"
    except (OSError, ValueError):
        return False


def _facts(path: Path) -> dict[str, Any]:
    """The document of a file whose layout has been checked."""
    with safe_open(path, "pt") as opened:
        text = (opened.metadata() or {}).get(ENTRY, "")
    try:
        facts = json.loads(text)
    except (ValueError, RecursionError):
        facts = None
    if isinstance(facts, dict) and isinstance(facts.get("format"), int):
        check_format(path, facts["format"], FORMAT)
    if not isinstance(facts, dict) or {name: type(value) for name, value in facts.items()} != KINDS:
        raise ModelFileError(f"{path} is not a state that Misen wrote", field=str(path), hint=AGAIN)
    return facts


def _digest(facts: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str:
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode() + encode(dict(tensors))).hexdigest()
