"""Refunds: what a shop gives back, out of escrow or of what it has taken already."""
