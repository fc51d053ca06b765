"""Named traits of a head."""

from misen.core.registry import Modality

MODALITY = Modality(
    name="attributes",
    package=__name__,
    signal_class="Attributes",
    metavar="KEY=VALUE,...",
    summary="Traits by name, such as hair_color=red,glasses=round; hair_color=red*0.5+blond*0.5 mixes.",
)
