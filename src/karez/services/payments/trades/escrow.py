"""Dividing what is in escrow: a part to the shop, a part back to the buyer, and what stays.

However often it is divided, the price is what is held, what the shop has got and what went back, together.

Worked example: 30.00 are in escrow. The buyer releases 10.00 for the bowl that is whole; the shop refunds 8.00 for
the other one; the buyer confirms, and the remaining 12.00 go to the shop.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

import msgspec

from karez.core.outcomes import Rejected
from karez.ledger.model import Transfer
from karez.ledger.operations import Operation, RowInsert, RowUpdate, Scalar
from karez.services.asking import Asking
from karez.services.payments import accounts
from karez.services.payments.accounts import TransferCode
from karez.services.payments.house import House, money_moves
from karez.services.payments.sources.returning import Returning, going_back
from karez.services.payments.trades.changes import changed
from karez.services.payments.trades.records import Trade
from karez.services.payments.trades.states import Action, State, check_action, reached


@dataclass(frozen=True, slots=True)
class Division:
    """How much of what is held goes where; what neither gets stays.

    Attributes:
        action: By which it is divided.
        returned_minor: Back to the buyer.
        released_minor: To the shop.
        stays: The state in which the rest waits.
        due_ns: When the rest's timer runs out.
    """

    action: Action
    returned_minor: int = 0
    released_minor: int = 0
    stays: State = State.PAID
    due_ns: int | None = None


def divide(
    asking: Asking,
    house: House,
    trade: Trade,
    division: Division,
    kind: str,
    topic: str,
    *,
    more_rows: tuple[RowInsert | RowUpdate, ...] = (),
    told: Mapping[str, object] | None = None,
    reply: msgspec.Struct | None = None,
) -> Operation:
    """Return the operation that divides what is in escrow.

    Args:
        asking: The request.
        house: The payment house.
        trade: As it was read.
        division: How much goes where.
        kind: Of the operation.
        topic: Of its event.
        more_rows: Rows of other tables.
        told: What its event tells besides the trade.
        reply: What the caller is told; the trade's receipt if left out.

    Rejections: ``trade_state_wrong``, ``amount_above_escrow``.
    """
    check_action(trade.standing, division.action)
    rest_minor = rest_of(trade, division)
    if rest_minor < 0:
        raise above_escrow(trade)
    changes: dict[str, Scalar] = {
        "state": reached(trade.standing, division.action, state_after(trade, division)),
        "held_minor": rest_minor,
        "released_minor": trade.released_minor + division.released_minor,
        "returned_minor": trade.returned_minor + division.returned_minor,
        "due_ns": division.due_ns if rest_minor else None,
        "finished_ns": None if rest_minor else asking.now_ns,
    }
    back = _going_back(asking, house, trade, division.returned_minor)
    return changed(
        asking,
        trade,
        kind,
        topic,
        changes,
        transfers=(*back.transfers, *_released(asking, house, trade, division.released_minor)),
        more_rows=(*back.rows, *_part_released(asking, trade, division, rest_minor), *more_rows),
        told=told,
        reply=reply,
    )


def _part_released(
    asking: Asking, trade: Trade, division: Division, rest_minor: int
) -> tuple[RowInsert, ...]:
    """Return the row by which a part that the shop gets before the end is settled like a payment."""
    if not (rest_minor and division.released_minor):
        return ()
    row = RowInsert(
        table="trade_release",
        key={"trade": str(trade.id), "id": str(asking.made_id("release"))},
        values={
            "shop": str(trade.shop),
            "currency": trade.currency,
            "amount_minor": division.released_minor,
            "before_minor": trade.released_minor,
            "released_ns": asking.now_ns,
        },
    )
    return (row,)


def rest_of(trade: Trade, division: Division) -> int:
    """Return what a division leaves in escrow."""
    return trade.held_minor - division.returned_minor - division.released_minor


def state_after(trade: Trade, division: Division) -> State:
    """Return where a trade stands after a division of what it holds."""
    if rest_of(trade, division):
        return division.stays
    return State.FINISHED if trade.released_minor + division.released_minor else State.RETURNED


def above_escrow(trade: Trade) -> Rejected:
    """Return the refusal of more than escrow holds of a trade."""
    return Rejected(
        "amount_above_escrow",
        f"Only {trade.held_minor} minor units of trade {trade.id} are in escrow; name an amount up to that.",
        held_minor=trade.held_minor,
    )


def release(asking: Asking, house: House, trade: Trade, kind: str) -> Operation:
    """Give the shop everything that is still in escrow.

    Rejections: ``trade_state_wrong``.
    """
    division = Division(Action.CONFIRM, released_minor=trade.held_minor)
    return divide(asking, house, trade, division, kind, "trade.finished")


def return_all(asking: Asking, house: House, trade: Trade, kind: str) -> Operation:
    """Give everything that is still in escrow back to where it came from.

    Rejections: ``trade_state_wrong``.
    """
    division = Division(Action.REFUND, returned_minor=trade.held_minor)
    return divide(asking, house, trade, division, kind, "trade.returned")


def release_part(asking: Asking, house: House, trade: Trade, buyer: UUID, amount_minor: int) -> Operation:
    """Give the shop a part of what is in escrow; the rest waits as before.

    Args:
        asking: The buyer's request.
        house: The payment house.
        trade: Paid.
        buyer: Who asks.
        amount_minor: How much; all of it finishes the trade.

    Rejections: ``trade_state_wrong``, ``trade_not_yours``, ``amount_not_positive``, ``amount_above_escrow``.
    """
    check_is(trade, buyer, trade.buyer, "the buyer")
    check_action(trade.standing, Action.RELEASE_PART)
    check_part(amount_minor)
    division = Division(
        Action.RELEASE_PART, released_minor=amount_minor, stays=trade.standing, due_ns=trade.due_ns
    )
    return divide(
        asking,
        house,
        trade,
        division,
        "trade.release_part",
        "trade.released",
        told={"released_now_minor": amount_minor},
    )


def check_part(amount_minor: int) -> None:
    """Refuse what is no part of an amount.

    Rejections: ``amount_not_positive``.
    """
    if amount_minor <= 0:
        raise Rejected("amount_not_positive", f"{amount_minor} is no amount of money; name one above 0.")


def check_is(trade: Trade, party: UUID, needed: UUID | None, who: str) -> None:
    """Refuse anybody but one side of a trade.

    Rejections: ``trade_not_yours``.
    """
    if party != needed:
        raise Rejected("trade_not_yours", f"Only {who} of trade {trade.id} can do this; use its credential.")


def _going_back(asking: Asking, house: House, trade: Trade, amount_minor: int) -> Returning:
    return going_back(
        asking,
        house,
        trade,
        source=accounts.escrow(trade.currency),
        code=TransferCode.RETURN_FROM_ESCROW,
        before_minor=trade.returned_minor,
        amount_minor=amount_minor,
    )


def _released(asking: Asking, house: House, trade: Trade, amount_minor: int) -> tuple[Transfer, ...]:
    if amount_minor == 0:
        return ()
    return (
        money_moves(
            asking.made_id("release"),
            accounts.escrow(trade.currency),
            accounts.takings(trade.shop, trade.currency),
            amount_minor,
            house.currency(trade.currency).money,
            TransferCode.RELEASE,
        ),
    )
