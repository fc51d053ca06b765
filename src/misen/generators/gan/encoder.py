"""The inversion encoder: from a picture to the latents of every layer, one latent and small offsets from it.

Source: Tov et al. 2021 (arXiv:2102.02766), section 4, for the offsets; Richardson et al. 2021 (arXiv:2008.00951),
section 3, for one latent per layer; deviation: all are read from the coarsest map, which has room for everything at 64
pixels.
"""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn

from misen.codecs.layers import Encoder
from misen.core.shapes import Images, Maps
from misen.nn.equalised import EqualLinear


class InversionEncoder(nn.Module):
    """Convolutions after space-to-depth, and two dense layers.

    Args:
        widths: channels at half the picture's size, a quarter and so on.
        units: residual units at each of them.
        summary: channels of the map from which latents are read.
        size: height and width of the pictures, in pixels.
        layers: latents of a point of W+.
        width: of w.
    """

    def __init__(
        self, widths: Sequence[int], units: Sequence[int], summary: int, *, size: int, layers: int, width: int
    ) -> None:
        super().__init__()
        self.look = Encoder(widths, units, summary)
        numbers = summary * (size // self.look.stride) ** 2
        self.base, self.offsets = EqualLinear(numbers, width), EqualLinear(numbers, layers * width)
        nn.init.zeros_(self.offsets.weight)

    def forward(self, image: Images) -> tuple[Float[Tensor, "batch latent"], Float[Tensor, "batch layers latent"]]:
        """Pictures (B, 3, H, W) -> w (B, width) and what each layer adds to it (B, layers, width)."""
        seen: Maps = self.look(image)
        numbers = seen.flatten(1)
        base: Tensor = self.base(numbers)
        return base, self.offsets(numbers).unflatten(1, (-1, base.shape[1]))
