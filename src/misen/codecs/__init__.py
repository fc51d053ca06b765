"""Codecs: pictures to smaller spaces and back, shared by the families."""
