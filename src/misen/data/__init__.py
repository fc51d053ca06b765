"""Aligned samples from the world, from folders and from shards."""
