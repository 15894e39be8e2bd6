"""The form that every change of a trade has: the row as it was read, the row as it becomes, and who is told."""

from collections.abc import Mapping
from uuid import UUID

import msgspec

from karez.ledger.model import Transfer
from karez.ledger.operations import Operation, RowInsert, RowUpdate, Scalar
from karez.services.asking import Asking
from karez.services.payments.trades.records import Trade


class TradeReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """A trade after a change."""

    id: UUID
    reference: str
    state: str
    currency: str
    amount_minor: int
    held_minor: int
    released_minor: int
    returned_minor: int


class PaymentReceipt(TradeReceipt, frozen=True, kw_only=True, omit_defaults=True):
    """A trade after its payment, or while a bank is asked for it.

    Attributes:
        bank_page: Where the payer confirms the payment, if that is at the bank's own page.
    """

    bank_page: str | None = None


_TOLD = frozenset(TradeReceipt.__struct_fields__)


def changed(
    asking: Asking,
    trade: Trade,
    kind: str,
    topic: str,
    changes: Mapping[str, Scalar],
    *,
    transfers: tuple[Transfer, ...] = (),
    more_rows: tuple[RowInsert | RowUpdate, ...] = (),
    parties: tuple[UUID, ...] | None = None,
    told: Mapping[str, object] | None = None,
    reply: msgspec.Struct | None = None,
) -> Operation:
    """Return the operation that changes a trade from the state in which it was read.

    Args:
        asking: The request.
        trade: As it was read.
        kind: Of the operation.
        topic: Of its event.
        changes: Columns and their new values.
        transfers: Money that moves with it.
        more_rows: Rows of other tables.
        parties: Who may learn of it; shop and buyer if left out.
        told: What its event tells besides the trade.
        reply: What the caller is told; the trade's receipt if left out.
    """
    receipt = receipt_of(trade, changes)
    row = RowUpdate(
        table="trade",
        key={"id": str(trade.id)},
        expected={
            "state": trade.state,
            "held_minor": trade.held_minor,
            "returned_minor": trade.returned_minor,
            "extended": trade.extended,
            "due_ns": trade.due_ns,
        },
        changes={**changes},
    )
    event = asking.event(
        topic, parties or parties_of(trade), {**msgspec.structs.asdict(receipt), **(told or {})}
    )
    return asking.operation(
        kind, reply or receipt, transfers=transfers, rows=(row, *more_rows), events=(event,)
    )


def receipt_of(trade: Trade, changes: Mapping[str, Scalar]) -> TradeReceipt:
    """Return what is told of a trade once some of its columns have changed."""
    receipt = TradeReceipt(
        id=trade.id,
        reference=trade.reference,
        state=trade.state,
        currency=trade.currency,
        amount_minor=trade.amount_minor,
        held_minor=trade.held_minor,
        released_minor=trade.released_minor,
        returned_minor=trade.returned_minor,
    )
    told = {name: value for name, value in changes.items() if name in _TOLD}
    return msgspec.structs.replace(receipt, **told)


def parties_of(trade: Trade) -> tuple[UUID, ...]:
    """Return who may learn of what happens to a trade."""
    return (trade.shop,) if trade.buyer is None else (trade.shop, trade.buyer)
