"""Line drawings."""

from misen.core.registry import Modality

MODALITY = Modality(
    name="sketch",
    package=__name__,
    signal_class="Sketch",
    metavar="FILE",
    summary="A line drawing, dark on light or light on dark.",
)
