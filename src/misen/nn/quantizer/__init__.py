"""Vector quantisation: maps are rounded to the codes of a codebook, and a codebook is told how well it is used."""
