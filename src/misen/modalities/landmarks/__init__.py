"""Points of a face."""

from misen.core.registry import Modality

MODALITY = Modality(
    name="landmarks",
    package=__name__,
    signal_class="Landmarks",
    metavar="FILE",
    summary="JSON list of 32 points [x, y] in [0, 1], null where a point may fall anywhere.",
)
