"""Words."""

from misen.core.registry import Modality

MODALITY = Modality(
    name="text",
    package=__name__,
    signal_class="Text",
    metavar="WORDS",
    summary="What the picture shows, in plain English or Chinese.",
)
