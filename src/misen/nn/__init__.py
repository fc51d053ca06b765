"""Network blocks without opinions."""
