"""Chargebacks: what a bank or the operator takes back from a shop, until it is decided who was right."""
