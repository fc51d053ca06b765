"""Batches as a function of the step: the world from a cache or from the renderer, picture folders and shards."""
