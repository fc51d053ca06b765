"""The attribute table of the avatar world: every nameable trait of a head and the values it can take.

The table is data. Adding a value means adding it here and teaching the renderer to draw it; captions, the
command line, observers, encoders and evaluation read the table and need no change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

CLOTH_COLORS = ("red", "orange", "yellow", "green", "blue", "purple", "white", "black")


@dataclass(frozen=True)
class Attribute:
    """One trait: its key and its values in the order used by every index tensor."""

    key: str
    values: tuple[str, ...]

    def index(self, value: str) -> int:
        """Position of ``value`` in :attr:`values`; raises ``ValueError`` if it is not one of them."""
        return self.values.index(value)

    def __len__(self) -> int:
        return len(self.values)


ATTRIBUTES: tuple[Attribute, ...] = (
    Attribute("skin_tone", ("very light", "light", "tan", "brown", "dark", "very dark")),
    Attribute("hair_style", ("bald", "buzz", "short", "curly", "long", "bun", "ponytail", "mohawk")),
    Attribute("hair_color", ("black", "brown", "blond", "red", "gray", "white", "blue", "green")),
    Attribute("eye_color", ("brown", "blue", "green", "hazel", "gray")),
    Attribute("glasses", ("none", "round", "square", "sunglasses")),
    Attribute("hat", ("none", "beanie", "cap", "top hat", "headband")),
    Attribute("hat_color", CLOTH_COLORS),
    Attribute("facial_hair", ("none", "mustache", "goatee", "beard")),
    Attribute("earrings", ("none", "yes")),
    Attribute("expression", ("neutral", "smiling", "sad", "surprised", "angry")),
    Attribute("shirt_color", CLOTH_COLORS),
    Attribute("shirt_style", ("crew", "collar", "hoodie")),
    Attribute("background", (*CLOTH_COLORS, "gradient")),
    Attribute("age", ("young", "adult", "old")),
    Attribute("presentation", ("feminine", "masculine", "neutral")),
    Attribute("material", ("matte", "glossy")),
)

KEYS: tuple[str, ...] = tuple(attribute.key for attribute in ATTRIBUTES)
BY_KEY: Mapping[str, Attribute] = MappingProxyType({attribute.key: attribute for attribute in ATTRIBUTES})
COLUMN: Mapping[str, int] = MappingProxyType({key: column for column, key in enumerate(KEYS)})
"""Column of each key in an index tensor of shape (B, len(KEYS))."""

OFFSETS: tuple[int, ...] = tuple(sum(len(a) for a in ATTRIBUTES[:i]) for i in range(len(ATTRIBUTES)))
"""Start of each attribute's block in a concatenated one-hot vector of width ``ONE_HOT_WIDTH``."""
ONE_HOT_WIDTH: int = sum(len(attribute) for attribute in ATTRIBUTES)
