"""From speech to talking faces: what is heard moves a face that one picture shows."""
