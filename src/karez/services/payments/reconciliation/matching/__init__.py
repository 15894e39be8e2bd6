"""Comparing two lists of items: what belongs together, what does not fit, and why. Pure; no database."""
