"""Changing a picture that exists: invert, plan, synthesize from there."""
