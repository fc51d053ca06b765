"""Adapters that open other people's checkpoints."""

INDEX = "model_index.json"
"""The file that makes a folder one of diffusers'."""
