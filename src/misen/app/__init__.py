"""Use cases without transport: synthesize, edit, train, evaluate, explain."""
