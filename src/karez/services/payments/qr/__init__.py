"""Paying by QR: codes that a shop shows, and one-time codes that a payer shows."""
