"""Paying from the balance with rows beside it, also where there is no order before the payment."""

from typing import Any
from uuid import UUID

import msgspec

from karez.ledger.operations import Operation, RowInsert, RowUpdate
from karez.services.asking import Asking
from karez.services.payments import accounts
from karez.services.payments.house import House
from karez.services.payments.trades import operations as trades
from karez.services.payments.trades.legs import Leg
from karez.services.payments.trades.operations import Order
from karez.services.payments.trades.records import Trade
from karez.services.payments.wallets.records import Wallet

Rows = tuple[RowInsert | RowUpdate, ...]


def pay_with_rows(asking: Asking, house: House, trade: Trade, wallet: Wallet, rows: Rows) -> Operation:
    """Pay a trade from the payer's wallet, and write rows with it.

    Rejections: those of ``trades.pay``.
    """
    leg = Leg(
        source="balance",
        account=accounts.wallet(wallet.party, trade.currency),
        amount_minor=trade.amount_minor,
    )
    return trades.pay(asking, house, trade, wallet, (leg,), rows=rows)


def order_and_pay(
    asking: Asking, house: House, shop: UUID, new: Order, wallet: Wallet, kind: str, rows: Rows
) -> Operation:
    """Make a trade that is paid from the beginning.

    Args:
        asking: The request.
        house: The payment house.
        shop: Who sells.
        new: What is sold.
        wallet: The payer's, in the currency of the order.
        kind: Of the operation.
        rows: To write with it.

    Rejections: those of ``trades.order`` and ``trades.pay``.
    """
    (ordered,) = trades.order(asking, house, shop, new).rows
    assert isinstance(ordered, RowInsert), "an order is a new row"
    columns: dict[str, Any] = {**ordered.values, "id": trades.trade_id(shop, new.reference)}
    trade = Trade(**{**columns, "shop": shop, "buyer": new.buyer})
    paid = pay_with_rows(asking, house, trade, wallet, rows)
    change, *others = paid.rows
    assert isinstance(change, RowUpdate), "a payment changes the row of its trade"
    row = RowInsert(table=ordered.table, key=ordered.key, values={**ordered.values, **change.changes})
    return msgspec.structs.replace(paid, kind=kind, rows=(row, *others))
