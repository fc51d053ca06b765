"""Stable Diffusion and its kin (1.x, 2.x, XL) as diffusers stores them: read into our own kind of latent diffusion."""
