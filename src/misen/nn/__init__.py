"""Blocks without opinions: networks' parts that know no modality and no family."""
