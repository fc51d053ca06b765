"""Peers: diffusers' own pipeline on a folder that ships, as it comes, and as its documentation makes it fast."""

from __future__ import annotations

import warnings
from typing import Any

import torch

from misen.assembly import USUAL_MODEL, find
from misen.core.execution import Engine


def stock_pipeline(dtype: torch.dtype = torch.float32) -> Any:
    """diffusers' pipeline on the folder that ships; its scheduler is DPM-Solver++ (2M)."""
    from diffusers import StableDiffusionPipeline

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipeline = StableDiffusionPipeline.from_pretrained(find(USUAL_MODEL), dtype=dtype)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def tuned_pipeline(engine: Engine) -> Any:
    """The same in bfloat16 with the channels last, and compiled if asked, as its "Accelerate inference" advises."""
    pipeline = stock_pipeline(torch.bfloat16)
    for network in (pipeline.unet, pipeline.vae):
        network.to(memory_format=torch.channels_last)
    if engine == "compiled":
        pipeline.unet = torch.compile(pipeline.unet)
        pipeline.vae.decode = torch.compile(pipeline.vae.decode)
    return pipeline
