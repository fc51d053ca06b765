"""Files at the edges: decoding and encoding pictures, the text inside PNG, and sound."""
