"""Holds: money of a payer that is reserved for a shop, and taken in parts, released, or free again by itself."""
