"""What each shape, expression and attribute axis moves: the rows of the linear blendshape basis.

A row reads ``(object, parameter, amount per unit)``. Objects are primitives, or the drawn curves ``lids`` and ``lips``.
``* name`` stands for the left and the right copy, mirrored. Radii are logarithms; angles are radians.
"""

from __future__ import annotations

from collections.abc import Mapping

Row = tuple[str, str, float]

IDENTITY: Mapping[str, tuple[Row, ...]] = {
    "head width": (
        ("cranium", "rx", 0.035), ("jaw", "rx", 0.035), ("* cheek", "x", 0.012), ("* ear", "x", 0.033),
        ("* eye", "x", 0.006), ("* stud", "x", 0.033), ("* drop", "x", 0.033), ("* glasses temple", "x", 0.028),
    ),
    "head height": (("cranium", "ry", 0.03), ("cranium", "y", 0.01), ("jaw", "ry", 0.015)),
    "head depth": (("cranium", "rz", 0.02), ("jaw", "rz", 0.01), ("* cheek", "z", 0.006)),
    "jaw width": (("jaw", "rx", 0.045), ("chin", "rx", 0.05), ("* beard side", "rx", 0.03)),
    "jaw length": (
        ("jaw", "y", -0.025), ("jaw", "ry", 0.015), ("chin", "y", -0.035), ("mouth", "y", -0.012),
        ("* beard side", "y", -0.025), ("beard chin", "y", -0.035),
    ),
    "chin size": (("chin", "rx", 0.08), ("chin", "ry", 0.06), ("chin", "z", 0.022), ("beard chin", "z", 0.02)),
    "cheek fullness": (
        ("* cheek", "rx", 0.05), ("* cheek", "ry", 0.05), ("* cheek", "rz", 0.04), ("* cheek", "x", 0.008),
    ),
    "nose length": (
        ("nose tip", "y", -0.02), ("* nostril", "y", -0.02), ("nose bridge", "ry", 0.05), ("nose bridge", "y", -0.01),
    ),
    "nose width": (
        ("nose tip", "rx", 0.1), ("* nostril", "x", 0.013), ("* nostril", "rx", 0.06), ("nose bridge", "rx", 0.08),
    ),
    "nose projection": (("nose tip", "z", 0.022), ("nose bridge", "z", 0.008), ("nose tip", "rz", 0.06)),
    "eye size": (("* eye", "rx", 0.045), ("* eye", "ry", 0.05)),
    "eye spacing": (("* eye", "x", 0.013), ("* inner brow", "x", 0.01), ("* outer brow", "x", 0.012)),
    "eye height": (("* eye", "y", 0.018), ("* inner brow", "y", 0.014), ("* outer brow", "y", 0.014)),
    "ear size": (("* ear", "rx", 0.06), ("* ear", "ry", 0.1), ("* ear", "rz", 0.09)),
    "brow height": (("* inner brow", "y", 0.014), ("* outer brow", "y", 0.014)),
    "brow thickness": (("* inner brow", "ry", 0.14), ("* outer brow", "ry", 0.14)),
    "mouth width": (("lips", "width", 0.045),),
    "lip fullness": (("lips", "upper", 0.022), ("lips", "lower", 0.028)),
    "forehead height": (("cranium", "ry", 0.022), ("cranium", "y", 0.018)),
    "neck width": (("neck", "rx", 0.06), ("neck", "rz", 0.06)),
}
"""What one standard deviation of each identity axis moves."""

EXPRESSION: Mapping[str, tuple[Row, ...]] = {
    "jaw open": (
        ("jaw", "y", -0.1), ("chin", "y", -0.16), ("chin", "z", -0.03), ("mouth", "y", -0.06), ("mouth", "ry", 0.1),
        ("* cheek", "y", -0.03), ("lips", "open down", 0.7), ("lips", "open up", 0.2), ("* beard side", "y", -0.1),
        ("beard chin", "y", -0.17), ("goatee tuft", "y", -0.15), ("* goatee side", "y", -0.06),
    ),
    "lip stretch": (
        ("lips", "width", 0.17), ("lips", "upper", -0.03), ("lips", "lower", -0.03), ("* cheek", "x", 0.015),
    ),
    "lip round": (
        ("lips", "width", -0.26), ("lips", "upper", 0.05), ("lips", "lower", 0.06), ("mouth", "z", 0.05),
        ("lips", "open up", 0.1), ("lips", "open down", 0.1),
    ),
    "smile": (
        ("lips", "corner", 0.36), ("lips", "width", 0.15), ("lips", "open down", 0.44), ("lips", "line", -0.06),
        ("* cheek", "y", 0.05), ("* cheek", "rx", 0.06), ("* cheek", "ry", 0.05), ("* mustache", "roll", -0.16),
    ),
    "frown": (
        ("lips", "corner", -0.46), ("lips", "line", 0.10), ("lips", "lower", 0.05), ("* inner brow", "y", 0.06),
        ("* inner brow", "roll", 0.55), ("* outer brow", "roll", 0.3), ("* outer brow", "y", -0.05),
        ("* lids", "slant", 0.18), ("* lids", "upper", -0.12), ("* mustache", "roll", 0.14),
    ),
    "brow raise": (
        ("* inner brow", "y", 0.13), ("* outer brow", "y", 0.14), ("* lids", "upper", 0.18),
        ("* lids", "lower", 0.07),
    ),
    "brow furrow": (
        ("* inner brow", "y", -0.13), ("* inner brow", "x", -0.045), ("* inner brow", "roll", -0.92),
        ("* outer brow", "roll", -0.45), ("* outer brow", "y", 0.05), ("* inner brow", "ry", 0.25),
        ("* lids", "slant", -0.4), ("* lids", "upper", -0.12),
    ),
    "blink left": (("left lids", "blink", 1.0),),
    "blink right": (("right lids", "blink", 1.0),),
    "gaze yaw": (("left lids", "gaze x", 0.26), ("right lids", "gaze x", 0.26)),
    "gaze pitch": (("* lids", "gaze y", 0.22), ("* lids", "upper", 0.06)),
    "cheek raise": (("* lids", "lower", -0.26), ("* cheek", "y", 0.04), ("* cheek", "rz", 0.05)),
}
"""What a full expression coefficient moves."""

ATTRIBUTE: Mapping[tuple[str, str], tuple[Row, ...]] = {
    ("age", "young"): (
        ("jaw", "rx", -0.03), ("jaw", "ry", -0.05), ("jaw", "y", 0.07), ("chin", "y", 0.14), ("chin", "rx", -0.3),
        ("chin", "z", -0.04), ("mouth", "y", 0.05), ("* cheek", "rx", 0.14), ("* cheek", "ry", 0.1),
        ("* cheek", "x", 0.02), ("* cheek", "y", -0.02), ("* eye", "rx", 0.15), ("* eye", "ry", 0.17),
        ("* eye", "y", -0.04), ("* eye", "x", 0.015), ("* lids", "iris", 0.06), ("nose tip", "rx", -0.28),
        ("nose tip", "ry", -0.12), ("nose tip", "rz", -0.2), ("nose bridge", "z", -0.04), ("nose tip", "z", -0.03),
        ("* nostril", "x", -0.02), ("lips", "width", -0.08), ("neck", "rx", -0.22), ("neck", "rz", -0.15),
        ("cranium", "ry", 0.03), ("* inner brow", "ry", -0.15), ("* outer brow", "ry", -0.15),
        ("* inner brow", "rx", -0.18), ("* outer brow", "rx", -0.22), ("* outer brow", "x", -0.03),
        ("* inner brow", "y", 0.02), ("* outer brow", "y", 0.02), ("* shoulder", "x", -0.2), ("torso", "rx", -0.14),
        ("yoke", "rx", -0.2), ("* beard side", "y", 0.06), ("beard chin", "y", 0.11), ("goatee tuft", "y", 0.07),
    ),
    ("age", "old"): (
        ("* cheek", "y", -0.12), ("* cheek", "rx", -0.08), ("* cheek", "x", 0.03), ("jaw", "rx", 0.03),
        ("* ear", "ry", 0.12), ("nose tip", "rx", 0.12), ("nose tip", "y", -0.03), ("* nostril", "y", -0.02),
        ("* eye", "ry", -0.08), ("* eye", "rx", -0.05), ("* lids", "upper", -0.1), ("* lids", "slant", 0.08),
        ("lips", "upper", -0.045), ("lips", "lower", -0.03), ("* outer brow", "y", -0.02), ("buzz cap", "cut", 0.17),
        ("short cap", "cut", 0.15), ("long cap", "cut", 0.08), ("bun cap", "cut", 0.12),
        ("ponytail cap", "cut", 0.12), ("curly cap", "cut", 0.1), ("* inner brow", "ry", 0.1),
        ("* outer brow", "ry", 0.14),
    ),
    ("presentation", "feminine"): (
        ("jaw", "rx", -0.07), ("chin", "rx", -0.15), ("neck", "rx", -0.16), ("neck", "rz", -0.12),
        ("* eye", "rx", 0.05), ("* eye", "ry", 0.06), ("lips", "upper", 0.06), ("lips", "lower", 0.075),
        ("lips", "width", -0.02), ("* inner brow", "ry", -0.35), ("* outer brow", "ry", -0.35),
        ("* outer brow", "roll", 0.08), ("* inner brow", "y", 0.02), ("* outer brow", "y", 0.025),
        ("nose tip", "rx", -0.14), ("* nostril", "x", -0.012), ("* shoulder", "x", -0.08),
    ),
    ("presentation", "masculine"): (
        ("jaw", "rx", 0.14), ("chin", "rx", 0.42), ("chin", "ry", 0.14), ("neck", "rx", 0.13), ("neck", "rz", 0.08),
        ("* inner brow", "ry", 0.60), ("* outer brow", "ry", 0.60), ("* inner brow", "y", -0.03),
        ("* outer brow", "y", -0.035), ("* eye", "ry", -0.06), ("lips", "upper", -0.03), ("lips", "lower", -0.03),
        ("nose tip", "rx", 0.12), ("* nostril", "x", 0.01), ("* shoulder", "x", 0.1), ("* shoulder", "y", 0.05),
        ("* beard side", "rx", 0.05),
    ),
    ("glasses", "round"): (("* inner brow", "y", 0.05), ("* outer brow", "y", 0.05)),
    ("glasses", "square"): (("* inner brow", "y", 0.03), ("* outer brow", "y", 0.03)),
    ("glasses", "sunglasses"): (("* inner brow", "y", 0.04), ("* outer brow", "y", 0.04)),
}
"""What having an attribute value moves."""
