"""Points of a picture that should be elsewhere."""

from misen.core.registry import Modality

MODALITY = Modality(
    name="drag",
    package=__name__,
    signal_class="Drag",
    metavar="X0,Y0:X1,Y1",
    summary="What is at one point of the picture moves to another; x and y from 0 to 1, several parted by semicolons.",
)
