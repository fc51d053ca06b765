"""Whether two pictures show the same person.

Source: the cosine of face embeddings, as in Deng et al. 2019 (arXiv:1801.07698), with the judge's embedding.
"""

from __future__ import annotations

from misen.core.shapes import PerItem
from misen.perception.reading import Reading


def identity_likeness(first: Reading, second: Reading) -> PerItem:
    """(B,) cosines in [-1, 1]; 1 = the same person."""
    return (first.identity * second.identity).sum(dim=1)
