"""What of a finished trade can still go back to its buyer: a balance in the book, counted in a unit of its own.

Refunds and chargebacks both use it up, so together they never take more than the shop has got, however many come at
once. The first of them opens the account.
"""

from typing import Any
from uuid import UUID

import psycopg

from karez.ledger.model import NewAccount, Transfer
from karez.services.asking import Asking
from karez.services.payments import accounts
from karez.services.payments.accounts import AccountCode, TransferCode
from karez.services.payments.house import DEBITS_LIMITED, House, money_moves
from karez.services.payments.opened import opened_accounts
from karez.services.payments.trades.records import Trade


def is_counted(conn: psycopg.Connection[Any], trade: UUID) -> bool:
    """Tell whether what can still go back of a trade has its account, as the trade's shop or as the operator."""
    return bool(opened_accounts(conn, [accounts.refundable(trade)]))


def count_off(
    asking: Asking, house: House, trade: Trade, amount_minor: int, *, is_counted: bool
) -> tuple[tuple[NewAccount, ...], tuple[Transfer, ...]]:
    """Return what counts an amount off what can go back, and opens the account if it is the first.

    In the book it is refused with ``exceeds_credits`` where less is left, and with ``account_exists`` where another
    one has just opened the account.

    Args:
        asking: The request.
        house: The payment house.
        trade: Finished.
        amount_minor: What goes back.
        is_counted: Whether the account exists.
    """
    unit = house.currency(trade.currency).refundable
    pool, left = accounts.refundable_pool(trade.currency), accounts.refundable(trade.id)
    use = money_moves(
        asking.made_id("refundable"), left, pool, amount_minor, unit, TransferCode.REFUNDABLE_USE
    )
    if is_counted:
        return (), (use,)
    opened = house.account(left, unit, AccountCode.REFUNDABLE, flags=DEBITS_LIMITED, party=trade.shop)
    grant = money_moves(
        asking.made_id("grant"), pool, left, trade.released_minor, unit, TransferCode.REFUNDABLE_GRANT
    )
    return (opened,), (grant, use)


def count_back(asking: Asking, house: House, trade: UUID, currency: str, amount_minor: int) -> Transfer:
    """Return what lets an amount go back again that was counted off in vain."""
    return money_moves(
        asking.made_id("refundable"),
        accounts.refundable_pool(currency),
        accounts.refundable(trade),
        amount_minor,
        house.currency(currency).refundable,
        TransferCode.REFUNDABLE_GRANT,
    )
