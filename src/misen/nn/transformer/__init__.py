"""Transformers over tokens that stand on a grid, read whole or one after another from a memory reserved once."""
