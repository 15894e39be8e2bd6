"""Measures what Karez claims, as ratios against something measured in the same run."""
