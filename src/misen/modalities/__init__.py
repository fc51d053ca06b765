"""One folder per kind of guidance, all with the same files; they do not know each other."""
