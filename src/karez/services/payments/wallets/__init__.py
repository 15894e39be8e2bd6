"""Wallets: what people and shops can spend, in each currency, within the limits of their verification."""
