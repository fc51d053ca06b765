"""Editing: the same walk, begun from a picture instead of noise, by one of several methods.

Importing this package imports nothing else, so that the names of the methods can be read at once.
"""
