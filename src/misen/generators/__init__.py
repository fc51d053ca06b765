"""One folder per family of generators; they do not know each other."""
