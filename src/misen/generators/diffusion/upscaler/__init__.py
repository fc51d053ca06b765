"""The second stage of a cascade: diffusion that makes a small picture large, whichever family made the small one.

Source: Ho et al. 2021 (arXiv:2106.15282), section 4, for the cascade and for learning from disturbed small pictures;
Saharia et al. 2021 (arXiv:2104.07636), section 2, for diffusion conditional on the small picture.
"""
