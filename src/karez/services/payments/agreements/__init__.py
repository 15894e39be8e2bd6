"""Agreements: a payer lets a shop deduct money again and again, within a rule, until either side ends it."""
