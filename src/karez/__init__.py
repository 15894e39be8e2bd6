"""Karez: an open financial ecosystem on one double-entry book."""

__version__ = "0.1.0"
