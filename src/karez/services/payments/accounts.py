"""The payment house's chart of accounts: every kind of account, its id, and why money moves.

An account's id derives from what it is for, so nobody has to look it up. Credits are what Karez owes to somebody,
debits what somebody owes to Karez: a wallet has a credit balance, a bank's clearing account a debit balance.
"""

from enum import IntEnum
from uuid import UUID

from karez.core.ids import NIL, derived_id


class AccountCode(IntEnum):
    """The kind of an account, as ``account.code``."""

    WALLET = 2001
    """What a person or shop can spend."""
    TAKINGS = 2002
    """What a shop has taken and not been paid out yet; below zero after refunds of what was paid out."""
    ESCROW = 2003
    """What buyers have paid for trades that are not confirmed."""
    FEES = 2004
    """What Karez has earned."""
    CLEARING = 2005
    """What a bank holds for Karez."""
    SUSPENSE = 2006
    """Money whose owner is not known yet."""
    LIMIT_POOL = 2010
    """Where limits come from, in the unit LIMIT."""
    LIMIT = 2011
    """What somebody may still spend in the present 24 hours."""
    REFUNDABLE_POOL = 2012
    """Where refundable amounts come from, in the unit REFUNDABLE."""
    REFUNDABLE = 2013
    """How much of a trade can still be refunded."""


class TransferCode(IntEnum):
    """Why money moves, as ``transfer.code``."""

    DEPOSIT = 3001
    WITHDRAWAL = 3002
    PAYMENT = 3003
    RELEASE = 3004
    RETURN_FROM_ESCROW = 3005
    REFUND = 3006
    FEE = 3007
    SETTLEMENT = 3008
    LIMIT_GRANT = 3010
    LIMIT_USE = 3011
    REFUNDABLE_GRANT = 3012
    REFUNDABLE_USE = 3013
    FREEZE = 3014


def wallet(party: UUID, currency: str) -> UUID:
    """Return the account of a party's wallet."""
    return derived_id(party, "wallet", currency)


def takings(shop: UUID, currency: str) -> UUID:
    """Return the account of a shop's takings."""
    return derived_id(shop, "takings", currency)


def limit(party: UUID, currency: str) -> UUID:
    """Return the account of what a party may still spend in 24 hours."""
    return derived_id(party, "limit", currency)


def refundable(trade: UUID) -> UUID:
    """Return the account of how much of a trade can still be refunded."""
    return derived_id(trade, "refundable")


def escrow(currency: str) -> UUID:
    """Return the escrow account of a currency."""
    return derived_id(NIL, "escrow", currency)


def fees(currency: str) -> UUID:
    """Return the account of the fees in a currency."""
    return derived_id(NIL, "fees", currency)


def suspense(currency: str) -> UUID:
    """Return the suspense account of a currency."""
    return derived_id(NIL, "suspense", currency)


def clearing(bank: int, currency: str) -> UUID:
    """Return the account of what a bank holds for Karez.

    Args:
        bank: Its institution number.
        currency: ISO 4217 letters.
    """
    return derived_id(NIL, "clearing", bank, currency)


def limit_pool(currency: str) -> UUID:
    """Return the account from which limits are granted."""
    return derived_id(NIL, "limit pool", currency)


def refundable_pool(currency: str) -> UUID:
    """Return the account from which refundable amounts are granted."""
    return derived_id(NIL, "refundable pool", currency)
