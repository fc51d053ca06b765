"""The two waists and what they are made of: knows no modality, no family, no file format and no service."""
