"""Trades: what is bought, paid into escrow, and released to the shop when the buyer has it."""
