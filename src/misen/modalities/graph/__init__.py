"""Scene graphs."""

from misen.core.registry import Modality

MODALITY = Modality(
    name="graph",
    package=__name__,
    signal_class="Graph",
    metavar="FILE",
    summary='JSON list of triples such as ["head", "wearing", "glasses"].',
)
