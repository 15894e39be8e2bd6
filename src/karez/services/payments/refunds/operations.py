"""Refunding a trade: out of escrow while it is there, later out of what the shop has taken.

What can still be refunded of a finished trade is a balance in the book, so any number of refunds at once stays
within the payment. Refunds of a payment from one wallet do not wait for each other. Where several sources paid, the
one that paid last gets its money back first; how a refund is split depends on the refunds before it, so these take
turns.
"""

from dataclasses import dataclass
from uuid import UUID

import msgspec

from karez.core.ids import derived_id
from karez.core.outcomes import Rejected
from karez.ledger.operations import Operation, RowInsert, RowUpdate
from karez.services.asking import Asking, encode
from karez.services.payments import accounts
from karez.services.payments.accounts import TransferCode
from karez.services.payments.house import House
from karez.services.payments.refundable import count_off
from karez.services.payments.refunds.records import RefundFacts
from karez.services.payments.refunds.rules import check_refundable
from karez.services.payments.sources.returning import going_back, is_plain
from karez.services.payments.trades.changes import parties_of, receipt_of
from karez.services.payments.trades.escrow import (
    Division,
    above_escrow,
    check_is,
    check_part,
    divide,
    rest_of,
)
from karez.services.payments.trades.legs import Leg, returns
from karez.services.payments.trades.records import Trade
from karez.services.payments.trades.states import Action, State, check_action


@dataclass(frozen=True, slots=True)
class NewRefund:
    """A refund that a shop asks for.

    Attributes:
        reference: The shop's own name for it, unique within the trade.
        amount_minor: How much.
        reason: What the buyer is told.
        lines: The shop's own names of what is refunded.
    """

    reference: str
    amount_minor: int
    reason: str = ""
    lines: tuple[str, ...] = ()


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """What one source gets back."""

    source: str
    amount_minor: int


class RefundReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """A refund that was made.

    Attributes:
        taken_from: `escrow` or `takings`.
        parts: Where the money goes, the source that paid last first.
        lines: The shop's own names of what is refunded.
    """

    id: UUID
    trade: UUID
    reference: str
    currency: str
    amount_minor: int
    taken_from: str
    parts: tuple[Part, ...]
    reason: str
    lines: tuple[str, ...]


def refund_id(trade: UUID, reference: str) -> UUID:
    """Return the id of a refund: a reference is used once within a trade."""
    return derived_id(trade, "refund", reference)


def refund(asking: Asking, house: House, facts: RefundFacts, shop: UUID, new: NewRefund) -> Operation:
    """Give a part of a payment back to where it came from.

    Args:
        asking: The shop's request.
        house: The payment house.
        facts: The trade and its refunds.
        shop: Who asks.
        new: What is to go back.

    Rejections: ``trade_state_wrong``, ``trade_not_yours``, ``refund_reference_used``, ``amount_not_positive``,
        ``amount_above_escrow``, ``refund_exceeds_payment``; in the book ``exceeds_credits`` when less is left.
    """
    trade = facts.trade
    check_is(trade, shop, trade.shop, "the shop")
    if facts.earlier is not None:
        raise Rejected(
            "refund_reference_used",
            f"Trade {trade.id} has a refund {new.reference!r} of {facts.earlier.amount_minor} minor units already; "
            "use a new reference for a new refund.",
            refund=str(facts.earlier.id),
        )
    check_action(trade.standing, Action.REFUND)
    check_part(new.amount_minor)
    if trade.standing is State.FINISHED:
        return _from_takings(asking, house, facts, new)
    return _from_escrow(asking, house, trade, new)


def _from_escrow(asking: Asking, house: House, trade: Trade, new: NewRefund) -> Operation:
    division = Division(
        Action.REFUND, returned_minor=new.amount_minor, stays=trade.standing, due_ns=trade.due_ns
    )
    if rest_of(trade, division) < 0:
        raise above_escrow(trade)
    split = returns(trade.paid_from, trade.returned_minor, new.amount_minor)
    made = _Made(trade, new, "escrow", tuple((leg, part_minor) for _, leg, part_minor in split))
    receipt = made.receipt()
    return divide(
        asking,
        house,
        trade,
        division,
        "trade.refund",
        "trade.refunded",
        more_rows=(made.row(asking.now_ns),),
        told={"refund": receipt},
        reply=receipt,
    )


def _from_takings(asking: Asking, house: House, facts: RefundFacts, new: NewRefund) -> Operation:
    trade = facts.trade
    check_refundable(trade, new.amount_minor)
    back = going_back(
        asking,
        house,
        trade,
        source=accounts.takings(trade.shop, trade.currency),
        code=TransferCode.REFUND,
        before_minor=trade.returned_minor + trade.legs_refunded_minor,
        amount_minor=new.amount_minor,
    )
    opened, counted = count_off(asking, house, trade, new.amount_minor, is_counted=facts.is_counted)
    made = _Made(trade, new, "takings", back.parts)
    receipt = made.receipt()
    told = {**msgspec.structs.asdict(receipt_of(trade, {})), "refund": receipt}
    return asking.operation(
        "trade.refund",
        receipt,
        accounts=opened,
        transfers=(*counted, *back.transfers),
        rows=(made.row(asking.now_ns), *_turn(trade, new.amount_minor), *back.rows),
        events=(asking.event("trade.refunded", parties_of(trade), told),),
    )


def _turn(trade: Trade, amount_minor: int) -> tuple[RowUpdate, ...]:
    """Return the change of the trade's row by which refunds that depend on each other take turns."""
    if is_plain(trade):
        return ()
    row = RowUpdate(
        table="trade",
        key={"id": str(trade.id)},
        expected={"legs_refunded_minor": trade.legs_refunded_minor},
        changes={"legs_refunded_minor": trade.legs_refunded_minor + amount_minor},
    )
    return (row,)


@dataclass(frozen=True, slots=True)
class _Made:
    """A refund as it is recorded and told."""

    trade: Trade
    new: NewRefund
    taken_from: str
    parts: tuple[tuple[Leg, int], ...]

    def receipt(self) -> RefundReceipt:
        return RefundReceipt(
            id=refund_id(self.trade.id, self.new.reference),
            trade=self.trade.id,
            reference=self.new.reference,
            currency=self.trade.currency,
            amount_minor=self.new.amount_minor,
            taken_from=self.taken_from,
            parts=tuple(Part(source=leg.source, amount_minor=minor) for leg, minor in self.parts),
            reason=self.new.reason,
            lines=self.new.lines,
        )

    def row(self, now_ns: int) -> RowInsert:
        parts = [msgspec.structs.replace(leg, amount_minor=minor) for leg, minor in self.parts]
        return RowInsert(
            table="refund",
            key={
                "trade": str(self.trade.id),
                "id": str(refund_id(self.trade.id, self.new.reference)),
            },
            values={
                "reference": self.new.reference,
                "shop": str(self.trade.shop),
                "buyer": str(self.trade.buyer),
                "currency": self.trade.currency,
                "amount_minor": self.new.amount_minor,
                "taken_from": self.taken_from,
                "parts": encode(parts).decode(),
                "reason": self.new.reason,
                "lines": encode(self.new.lines).decode(),
                "refunded_ns": now_ns,
            },
        )
