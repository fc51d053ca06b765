"""ControlNets beside a foreign U-Net: each adds to its features what a picture of the guidance says.

Source: Zhang et al. 2023 (arXiv:2302.05543), section 3.2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from diffusers.models.controlnets.controlnet import ControlNetModel
from jaxtyping import Num
from torch import Tensor, nn
from torch.nn import functional

from misen.core.condition import Condition, Layout, check_layout
from misen.core.errors import ModelFileError
from misen.core.image import middle
from misen.core.shapes import Images, Maps
from misen.core.signal import Signal
from misen.nn.description import read_json
from misen.pretrained.parts import CONFIG, open_part
from misen.pretrained.raw import Raw

PICTURED = ("depth", "exemplar", "landmarks", "layout", "segmentation", "sketch")
"""Modalities whose signals can be shown as a picture."""
SPANNING = ("landmarks", "layout")
"""Those that say where something is in fractions of the picture, whatever its shape."""
STEM = "diffusion_pytorch_model"
"""How the names of weights begin."""


class PictureEncoder:
    """Maps (B, 3, H, W) in [0, 1]: what a person would be shown of a signal.

    Args:
        size: H and W, in pixels.
    """

    layouts: tuple[Layout, ...] = ("map",)

    def __init__(self, size: int) -> None:
        self.size = size

    def width(self, layout: Layout) -> int:
        """Red, green and blue."""
        check_layout(layout, self.layouts)
        return 3

    def encode(self, signal: Signal, layout: Layout) -> Condition:
        """The preview, or a raw picture as it is; the signal must be of one of the modalities ``PICTURED``."""
        check_layout(layout, self.layouts)
        preview = signal.image if isinstance(signal, Raw) else signal.preview(self.size)
        assert preview is not None, "an adapter is asked for modalities that have pictures"
        return Condition.full("map", (preview + 1) / 2)


class Control(nn.Module):
    """A ControlNet as diffusers' pipelines ask it.

    Args:
        network: the ControlNet.
        stride: pixels per latent cell, along each side.
        spans: whether what it is shown covers pictures of any shape; else its middle is shown, undistorted.
    """

    def __init__(self, network: ControlNetModel, stride: int, *, spans: bool = False) -> None:
        super().__init__()
        self.network, self.stride, self.spans = network, stride, spans

    def forward(
        self, noisy: Maps, timestep: Num[Tensor, " batch"], condition: Condition, given: Mapping[str, Any]
    ) -> list[Tensor]:
        """What it adds to each skip of the U-Net and, last, to its middle; nothing for absent items.

        Args:
            noisy: (B, C, h, w) what the U-Net sees; latents come first.
            timestep: (B,).
            condition: map (B, 3, H, W) in [0, 1] of any size.
            given: the arguments of the U-Net besides latents and time.
        """
        picture, latents = self._fitted(condition.value, noisy), noisy[:, : self.network.config.in_channels]
        skips, middle = self.network(latents, timestep, controlnet_cond=picture, return_dict=False, **given)
        share = (condition.strength * condition.present[:, None, None, None]).to(noisy.dtype)
        return [share * added for added in (*skips, middle)]

    def _fitted(self, picture: Images, noisy: Maps) -> Images:
        """A picture of the size that the latents stand for: all of it, or as much as has their shape."""
        height, width = (self.stride * side for side in noisy.shape[-2:])
        if picture.shape[-2:] == (height, width):
            return picture
        part = picture if self.spans else middle(picture, height, width)
        return functional.interpolate(part, (height, width), mode="bilinear", antialias=True)


def residuals(
    controls: nn.ModuleDict,
    noisy: Maps,
    timestep: Num[Tensor, " batch"],
    conditions: Mapping[str, Condition],
    given: Mapping[str, Any],
) -> dict[str, Any]:
    """The arguments by which a U-Net takes in what ControlNets add together; none if no port of theirs is given."""
    asked = [name for name in controls if name in conditions]
    if not asked:
        return {}
    added = [controls[name](noisy, timestep, conditions[name], given) for name in asked]
    *skips, middle = (sum(several) for several in zip(*added, strict=True))
    return {"down_block_additional_residuals": skips, "mid_block_additional_residual": middle}


def open_network(folder: Path, unet: Any, stride: int) -> ControlNetModel:
    """The ControlNet in a folder, frozen, in float32 and beside its U-Net.

    Args:
        folder: of diffusers'.
        unet: the U-Net whose features it adds to.
        stride: pixels per latent cell, along each side.

    Raises:
        ModelFileError: it is another kind of network, is pickled, malformed or incomplete, or fits another U-Net.
    """
    _require_kind(folder)
    network: ControlNetModel = open_part(folder, ControlNetModel, STEM).to(unet.device)
    wrong = [
        f"its {name} is {found!r} and not {expected!r}"
        for name, found, expected in _measures(network.config, unet.config, stride)
        if found != expected
    ]
    if wrong:
        raise ModelFileError(
            f"the ControlNet in {folder} belongs to another model: {'; '.join(wrong)}",
            field="adapter",
            hint="take one that was trained for this version of Stable Diffusion",
        )
    return network


def _require_kind(folder: Path) -> None:
    named = str(read_json(folder / CONFIG).get("_class_name"))
    if named != ControlNetModel.__name__:
        raise ModelFileError(
            f"{folder} is a {named}, which cannot be added to a model here",
            field="adapter",
            hint=f"accepted: {ControlNetModel.__name__}",
        )


def _measures(control: Any, unet: Any, stride: int) -> Iterator[tuple[str, Any, Any]]:
    """What a ControlNet says of itself, as it is and as its U-Net, or our way of asking, wants it."""
    for name in ("cross_attention_dim", "layers_per_block", "addition_embed_type", "class_embed_type"):
        yield name, control[name], unet.get(name)
    yield "in_channels", control.in_channels, unet.out_channels
    yield "block_out_channels", list(control.block_out_channels), list(unet.block_out_channels)
    told = "projection_class_embeddings_input_dim"
    yield told, control[told], unet.get(told)
    yield "conditioning_channels", control.conditioning_channels, 3
    yield "scale of pictures", 2 ** (len(control.conditioning_embedding_out_channels) - 1), stride
    yield "global_pool_conditions", control.global_pool_conditions, False
