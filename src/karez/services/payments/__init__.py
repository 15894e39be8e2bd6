"""Paying and getting paid: wallets, trades in escrow, cards, bills, refunds, settlement."""
