"""Pictures by way of their place in a joint embedding: a prior finds the place of words, a decoder shows it.

Source: Ramesh et al. 2022 (arXiv:2204.06125), section 2, "unCLIP"; deviations: our own smaller joint embedding, and the
decoder is latent diffusion.
"""
