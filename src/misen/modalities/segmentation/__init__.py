"""Maps of what is where."""

from misen.core.registry import Modality

MODALITY = Modality(
    name="segmentation",
    package=__name__,
    signal_class="Segmentation",
    metavar="FILE",
    summary="A map of parts: a picture of class ids, or in the published palette.",
)
