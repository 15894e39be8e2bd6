"""Judging payments before they happen: velocity, amounts, lists, and what is new."""
