"""Other modalities in the latents of pictures: what words, maps and drawings say, encoded into the same W+."""
