"""The payment house's chart of accounts: every kind of account, its id, and why money moves.

An account's id derives from what it is for, so nobody has to look it up. Credits are what Karez owes to somebody,
debits what somebody owes to Karez: a wallet has a credit balance, a bank's clearing account a debit balance.
"""

from enum import IntEnum
from functools import cache, lru_cache
from uuid import UUID

from karez.core.ids import NIL, derived_id

_REMEMBERED_MAX = 50_000


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
    BILLER_TAKINGS = 2021
    """What a biller has been paid for its bills and has not been paid out yet."""
    COUPON_BUDGET = 2030
    """What a campaign has put aside for its coupons."""
    PAYOUT_TRANSIT = 2040
    """What a bank was told, or is to be told, to pay to shops and has not paid yet."""
    EXCHANGE_POSITION = 2041
    """What of a currency Karez can still sell through a bank: what it has bought of it, and what the bank grants."""
    EXCHANGE_MARGIN = 2042
    """What exchange has earned."""
    EXCHANGE_DELIVERY = 2045
    """Where exchanged money passes on its way to and from a trade; nothing stays in it."""
    EXCHANGE_GRANT = 2044
    """How much of a currency a bank lets Karez sell before it has bought it."""
    CARD_LIMIT = 2060
    """What may still be paid with a card in the present 24 hours."""
    CARD_ATTEMPTS = 2061
    """How many more cards somebody may begin to bind in the present 24 hours."""
    CHARGEBACK_RESERVE = 2043
    """What banks have charged back and nobody has decided upon yet."""
    VELOCITY = 2070
    """How often, or with how much, one of those who take part in payments may do so in a window of time."""


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
    SENDING = 3020
    RED_PACKET = 3021
    RED_PACKET_GRAB = 3022
    BILL = 3025
    BILL_RETURN = 3026
    COUPON_FUNDING = 3030
    COUPON_RESERVE = 3031
    COUPON_BUDGET_RETURN = 3032
    REFUND_PAYOUT = 3033
    PAYOUT = 3040
    PAYOUT_RETURN = 3041
    EXCHANGE = 3042
    EXCHANGE_MARGIN = 3043
    EXCHANGE_LIMIT_GRANT = 3044
    EXCHANGE_SALE = 3048
    EXCHANGE_RETURN = 3049
    CHARGEBACK = 3045
    CHARGEBACK_WON = 3046
    CHARGEBACK_LOST = 3047
    CARD_LIMIT_GRANT = 3060
    CARD_LIMIT_USE = 3061
    CARD_ATTEMPT_GRANT = 3062
    CARD_ATTEMPT_USE = 3063
    BANK_FEE = 3050
    BANK_DIFFERENCE = 3051
    VELOCITY_GRANT = 3070
    VELOCITY_USE = 3071


@lru_cache(_REMEMBERED_MAX)
def wallet(party: UUID, currency: str) -> UUID:
    """Return the account of a party's wallet."""
    return derived_id(party, "wallet", currency)


@lru_cache(_REMEMBERED_MAX)
def takings(shop: UUID, currency: str) -> UUID:
    """Return the account of a shop's takings."""
    return derived_id(shop, "takings", currency)


def limit(party: UUID, currency: str) -> UUID:
    """Return the account of what a party may still spend in 24 hours."""
    return derived_id(party, "limit", currency)


def card_limit(card: UUID) -> UUID:
    """Return the account of what may still be paid with a card in 24 hours."""
    return derived_id(card, "limit")


def card_attempts(party: UUID) -> UUID:
    """Return the account of how many more cards a party may begin to bind in 24 hours."""
    return derived_id(party, "card attempts")


def refundable(trade: UUID) -> UUID:
    """Return the account of how much of a trade can still be refunded."""
    return derived_id(trade, "refundable")


def coupon_budget(campaign: UUID) -> UUID:
    """Return the account of a campaign's budget."""
    return derived_id(campaign, "coupon budget")


@cache
def escrow(currency: str) -> UUID:
    """Return the escrow account of a currency."""
    return derived_id(NIL, "escrow", currency)


@cache
def fees(currency: str) -> UUID:
    """Return the account of the fees in a currency."""
    return derived_id(NIL, "fees", currency)


@cache
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


def payout_transit(bank: int, currency: str) -> UUID:
    """Return the account of what a bank is to pay to shops.

    Args:
        bank: Its institution number.
        currency: ISO 4217 letters.
    """
    return derived_id(NIL, "payout transit", bank, currency)


def exchange_position(bank: int, currency: str) -> UUID:
    """Return the account of what Karez can still sell of a currency through a bank."""
    return derived_id(NIL, "exchange position", bank, currency)


def exchange_grant(bank: int, currency: str) -> UUID:
    """Return the account of what a bank lets Karez sell of a currency before it has bought it."""
    return derived_id(NIL, "exchange grant", bank, currency)


def exchange_delivery(currency: str) -> UUID:
    """Return the account through which exchanged money of a currency passes."""
    return derived_id(NIL, "exchange delivery", currency)


def exchange_margin(currency: str) -> UUID:
    """Return the account of what exchange has earned in a currency."""
    return derived_id(NIL, "exchange margin", currency)


def chargeback_reserve(currency: str) -> UUID:
    """Return the account of what is charged back and not decided yet."""
    return derived_id(NIL, "chargeback reserve", currency)


@cache
def biller_takings(biller: int, currency: str) -> UUID:
    """Return the account of what a biller has been paid for its bills.

    Args:
        biller: Its institution number.
        currency: ISO 4217 letters.
    """
    return derived_id(NIL, "biller takings", biller, currency)


def limit_pool(currency: str) -> UUID:
    """Return the account from which limits are granted."""
    return derived_id(NIL, "limit pool", currency)


@cache
def refundable_pool(currency: str) -> UUID:
    """Return the account from which refundable amounts are granted."""
    return derived_id(NIL, "refundable pool", currency)
