"""Procedural truth: the avatar world, its renderer and its speech synthesiser."""
