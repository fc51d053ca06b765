"""Depth maps."""

from misen.core.registry import Modality

MODALITY = Modality(
    name="depth",
    package=__name__,
    signal_class="Depth",
    metavar="FILE",
    summary="A grey picture, 8 or 16 bit, in which nearer is brighter and the background is black.",
)
