"""A trade that is ordered and paid in one step, because the buyer has agreed to it before.

What is captured of a hold, or deducted under an agreement, becomes such a trade; so it is listed, refunded and
settled like everything else that the shop has sold.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
import psycopg

from karez.core.outcomes import Rejected
from karez.ledger.operations import Event, RowInsert, Scalar
from karez.services.asking import Asking, encode
from karez.services.payments.house import House
from karez.services.payments.trades.changes import TradeReceipt
from karez.services.payments.trades.legs import Leg
from karez.services.payments.trades.operations import Order, order, trade_id
from karez.services.payments.trades.states import State


def paid_at_once(
    asking: Asking, house: House, shop: UUID, new: Order, legs: Sequence[Leg]
) -> tuple[RowInsert, Event]:
    """Return the row and the announcement of a trade whose money goes to the shop with the same operation.

    Args:
        asking: The request; the caller's operation moves the money.
        house: The payment house.
        shop: Who sells.
        new: A direct trade that names its buyer.
        legs: What it is paid from; together the price.

    Rejections: those of ``order``.
    """
    assert new.mode == "direct", "nothing waits in escrow"
    assert new.buyer is not None, "somebody has paid"
    assert sum(leg.amount_minor for leg in legs) == new.amount_minor, "the legs are the price"
    (row,) = order(asking, house, shop, new).rows
    assert isinstance(row, RowInsert), "an order is a new row"
    paid: dict[str, Scalar] = {
        "state": State.FINISHED,
        "released_minor": new.amount_minor,
        "legs": encode(list(legs)).decode(),
        "due_ns": None,
        "paid_ns": asking.now_ns,
        "finished_ns": asking.now_ns,
    }
    receipt = TradeReceipt(
        id=trade_id(shop, new.reference),
        reference=new.reference,
        state=State.FINISHED,
        currency=new.currency,
        amount_minor=new.amount_minor,
        held_minor=0,
        released_minor=new.amount_minor,
        returned_minor=0,
    )
    event = asking.event("trade.paid", (shop, new.buyer), msgspec.structs.asdict(receipt))
    return RowInsert(table=row.table, key=row.key, values={**row.values, **paid}), event


def is_reference_used(conn: psycopg.Connection[Any], shop: UUID, reference: str) -> bool:
    """Tell whether a shop has a trade of this name already.

    Args:
        conn: In a transaction of the shop or of the background work.
        shop: Who sells.
        reference: The shop's own name for a trade.
    """
    found = conn.execute("SELECT FROM trade WHERE id = %s", (trade_id(shop, reference),)).fetchone()
    return found is not None


def reference_used(reference: str) -> Rejected:
    """Return the refusal of a name that the shop has given to another trade."""
    return Rejected(
        "reference_used", f"The reference {reference!r} names another trade of this shop; choose a new one."
    )
