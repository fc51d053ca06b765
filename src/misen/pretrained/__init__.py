"""Adapters that open other people's checkpoints, and the registry of models that ship."""
