"""Measures of quality, diversity and adherence, each with its interval and its controls."""
