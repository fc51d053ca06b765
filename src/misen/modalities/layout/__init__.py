"""Labelled boxes."""

from misen.core.registry import Modality

MODALITY = Modality(
    name="layout",
    package=__name__,
    signal_class="Layout",
    metavar="FILE",
    summary='JSON list of {"label": ..., "box": [x0, y0, x1, y1]} with corners in [0, 1].',
)
