"""The avatar world: procedural heads with every modality known exactly."""
