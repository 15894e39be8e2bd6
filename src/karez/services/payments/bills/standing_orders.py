"""Standing orders: the bills of an account number are paid when they are due.

A bill that is uploaded finds the standing order of its account number. What was uploaded before is taken in a minute
after the order, when every upload that could not see it yet is done; so none slips through between the two.
"""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from karez.core.ids import derived_id
from karez.core.outcomes import Rejected
from karez.ledger.operations import Operation, RowInsert, RowUpdate, Scalar
from karez.services.asking import Asking
from karez.services.payments.bills.account_numbers import check_number
from karez.services.payments.bills.changes import change
from karez.services.payments.bills.order_records import StandingOrder
from karez.services.payments.bills.records import Bill, BillerService
from karez.services.payments.trades.operations import check_amount
from karez.services.payments.trades.timers import later_ns

ATTACH_AFTER_S = 60
ATTACH_MAX = 100


class StandingOrderReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """A standing order after a change."""

    id: UUID
    service: UUID
    account_number: str
    amount_max_minor: int
    state: str


def order_id(payer: UUID, service: UUID, account_number: str) -> UUID:
    """Return the id of a payer's standing order: there is one for an account number."""
    return derived_id(payer, "standing order", str(service), account_number)


def order(
    asking: Asking,
    payer: UUID,
    service: BillerService,
    former: StandingOrder | None,
    account_number: str,
    amount_max_minor: int,
) -> Operation:
    """Have the bills of an account number paid from now on, up to an amount each.

    Args:
        asking: The payer's request.
        payer: Who pays.
        service: For what.
        former: The payer's order for the same account number, if there was one.
        account_number: Whose bills.
        amount_max_minor: A larger bill is not paid.

    Rejections: ``account_number_malformed``, ``amount_not_positive``, ``amount_too_large``.
    """
    check_number(service.account_form, account_number)
    check_amount(amount_max_minor)
    id_ = order_id(payer, service.id, account_number)
    values: dict[str, Scalar] = {
        "amount_max_minor": amount_max_minor,
        "state": "active",
        "attach_ns": later_ns(asking.now_ns, ATTACH_AFTER_S),
        "ordered_ns": asking.now_ns,
    }
    who: dict[str, Scalar] = {
        "payer": str(payer),
        "service": str(service.id),
        "account_number": account_number,
    }
    row: RowInsert | RowUpdate = (
        RowInsert(table="standing_order", key={"id": str(id_)}, values={**values, **who})
        if former is None
        else _change(former, values)
    )
    receipt = StandingOrderReceipt(
        id=id_,
        service=service.id,
        account_number=account_number,
        amount_max_minor=amount_max_minor,
        state="active",
    )
    return asking.operation(
        "standing_order.order",
        receipt,
        rows=(row,),
        events=(asking.event("standing_order.ordered", (payer,), msgspec.structs.asdict(receipt)),),
    )


def stop(asking: Asking, found: StandingOrder) -> Operation:
    """Stop a standing order; what is due next finds it stopped.

    Rejections: ``standing_order_stopped``.
    """
    if found.state != "active":
        raise Rejected(
            "standing_order_stopped", "This standing order was stopped before; order it again if needed."
        )
    receipt = StandingOrderReceipt(
        id=found.id,
        service=found.service,
        account_number=found.account_number,
        amount_max_minor=found.amount_max_minor,
        state="stopped",
    )
    return asking.operation(
        "standing_order.stop",
        receipt,
        rows=(_change(found, {"state": "stopped", "attach_ns": None}),),
        events=(asking.event("standing_order.stopped", (found.payer,), msgspec.structs.asdict(receipt)),),
    )


def attach(asking: Asking, found: StandingOrder, bills: Sequence[Bill]) -> Operation:
    """Take in open bills that no active standing order pays.

    Args:
        asking: The clock's request.
        found: The order.
        bills: ``ATTACH_MAX`` at most; if it is so many, there may be more, and the next sweep takes them in.
    """
    taken = [
        change(
            bill,
            {
                "auto_payer": str(found.payer),
                # Never a moment at which something was done to the bill before: that would not be done again.
                "auto_due_ns": max(bill.due_ns, asking.now_ns + 1),
                "auto_attempt": 0,
            },
        )
        for bill in bills
    ]
    next_ns = asking.now_ns + 1 if len(bills) >= ATTACH_MAX else None
    return asking.operation(
        "standing_order.attach",
        {"id": found.id, "bill_count": len(bills)},
        rows=(_change(found, {"attach_ns": next_ns}), *taken),
    )


def _change(found: StandingOrder, changes: dict[str, Scalar]) -> RowUpdate:
    return RowUpdate(
        table="standing_order",
        key={"id": str(found.id)},
        expected={"state": found.state, "ordered_ns": found.ordered_ns, "attach_ns": found.attach_ns},
        changes=changes,
    )
