"""A picture of the person meant."""

from misen.core.registry import Modality

MODALITY = Modality(
    name="exemplar",
    package=__name__,
    signal_class="Exemplar",
    metavar="FILE",
    summary="A picture of the head to be shown again, in any pose, expression and light.",
)
