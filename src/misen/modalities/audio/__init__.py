"""What is said, while a mouth says it."""
