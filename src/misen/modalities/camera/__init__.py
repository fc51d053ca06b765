"""Where the head is seen from."""

from misen.core.registry import Modality

MODALITY = Modality(
    name="camera",
    package=__name__,
    signal_class="Camera",
    metavar="KEY=VALUE,...",
    summary="The view in degrees, such as yaw=20,pitch=5: positive yaw turns the face to the right, positive pitch up.",
    repeatable=False,
)
