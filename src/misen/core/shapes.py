"""Shapes of tensors by name: axes of one name have one length within a signature; tests check it on every call."""

from __future__ import annotations

from jaxtyping import Bool, Float, UInt8
from torch import Tensor

Images = Float[Tensor, "batch 3 height width"]
"""Pictures, in [-1, 1] unless said otherwise."""
Pixels = UInt8[Tensor, "batch height width 3"]
"""Pictures as files hold them."""
Masks = Float[Tensor, "batch 1 height width"]
"""One number in [0, 1] per pixel; 1 = repaint where something is to be repainted."""
Maps = Float[Tensor, "batch channels rows columns"]
"""Features or latents on a grid, usually coarser than the picture's."""
Pyramids = tuple[Float[Tensor, "batch _ _ _"], ...]
"""Maps of the same pictures on several grids, shallow to deep."""
Vectors = Float[Tensor, "batch features"]
"""One vector per item."""
Tokens = Float[Tensor, "batch length features"]
"""One sequence of vectors per item."""
Counted = Bool[Tensor, "batch length"]
"""True where a token counts."""
Points = Float[Tensor, "batch *space"]
"""Points of some linear space."""
PerItem = Float[Tensor, " batch"]
"""One number per item."""
Flags = Bool[Tensor, " batch"]
"""Yes or no per item."""
Scalar = Float[Tensor, ""]
"""One number."""
