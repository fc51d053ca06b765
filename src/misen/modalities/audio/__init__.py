"""What is said, while a mouth says it."""

from misen.core.registry import Modality

MODALITY = Modality(
    name="audio",
    package=__name__,
    signal_class="Audio",
    metavar="FILE",
    summary="A sound file of speech; of a single picture the middle of it is shown.",
    repeatable=False,
    moving=True,
)
