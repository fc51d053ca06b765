"""Autoencoders between pictures and latents, shared by the families."""
