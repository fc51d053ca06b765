"""Training programs to read from top to bottom."""
