"""Editing: the same walk, begun from a picture instead of noise, with a part of it held."""

from misen.editing.canvas import Canvas

__all__ = ["Canvas"]
