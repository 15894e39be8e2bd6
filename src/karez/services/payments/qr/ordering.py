"""Paying what was not ordered before: the order is made together with its payment.

The payment is decided as for any other trade; what it would change in the row of the trade stands in the row from the
beginning.
"""

from uuid import UUID

import msgspec

from karez.ledger.operations import Operation, RowInsert, RowUpdate
from karez.services.asking import Asking
from karez.services.payments import accounts
from karez.services.payments.house import House
from karez.services.payments.sources.balance import BalanceFunds
from karez.services.payments.sources.paying import Payment
from karez.services.payments.trades import operations as trades
from karez.services.payments.trades.operations import Order
from karez.services.payments.trades.records import Trade
from karez.services.payments.trades.states import State
from karez.services.payments.trades.timers import later_ns, timers_of
from karez.services.payments.wallets.records import Wallet

Rows = tuple[RowInsert | RowUpdate, ...]


def as_trade(shop: UUID, new: Order, now_ns: int) -> Trade:
    """Return an order as the trade that it is before its payment.

    Args:
        shop: Who sells.
        new: What is sold.
        now_ns: The present moment.

    Rejections: ``category_unknown``.
    """
    return Trade(
        id=trades.trade_id(shop, new.reference),
        reference=new.reference,
        shop=shop,
        buyer=new.buyer,
        title=new.title,
        category=new.category,
        mode=new.mode,
        currency=new.currency,
        amount_minor=new.amount_minor,
        state=State.CREATED,
        held_minor=0,
        released_minor=0,
        returned_minor=0,
        legs="[]",
        legs_refunded_minor=0,
        extended=False,
        due_ns=later_ns(now_ns, timers_of(new.category).pay_s),
        created_ns=now_ns,
        paid_ns=None,
        finished_ns=None,
    )


def from_balance(trade: Trade, wallet: Wallet) -> Payment:
    """Return the payment of a trade from a wallet alone."""
    return Payment(trade, wallet, (BalanceFunds(accounts.wallet(wallet.party, trade.currency)),))


def check_order(asking: Asking, house: House, shop: UUID, new: Order) -> RowInsert:
    """Return the row of an order.

    Rejections: those of ``trades.order``.
    """
    (row,) = trades.order(asking, house, shop, new).rows
    assert isinstance(row, RowInsert), "an order is a new row"
    return row


def made_with_payment(paid: Operation, ordered: RowInsert, kind: str, *rows: RowUpdate) -> Operation:
    """Return the operation that makes a trade with its payment.

    Args:
        paid: The payment of the trade, as if it was ordered before.
        ordered: The row of the order.
        kind: Of the operation.
        rows: To write besides.
    """
    change, *others = paid.rows
    assert isinstance(change, RowUpdate), "a payment changes the row of its trade"
    assert change.key == ordered.key, "it is the same trade"
    row = RowInsert(table=ordered.table, key=ordered.key, values={**ordered.values, **change.changes})
    return msgspec.structs.replace(paid, kind=kind, rows=(row, *others, *rows))
