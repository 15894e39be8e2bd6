"""The form that every change of a bill has: the row as it was read, and the row as it becomes."""

from collections.abc import Mapping
from uuid import UUID

import msgspec

from karez.core.outcomes import Rejected
from karez.ledger.operations import RowUpdate, Scalar
from karez.services.payments.bills.records import Bill


class BillReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """A bill after a change."""

    id: UUID
    reference: str
    state: str
    amount_minor: int
    paid_minor: int


def check_open(bill: Bill) -> None:
    """Refuse a bill that is paid or withdrawn.

    Rejections: ``bill_state_wrong``.
    """
    if bill.state != "open":
        raise Rejected(
            "bill_state_wrong", f"This bill is {bill.state}; nothing of it is open.", state=bill.state
        )


def change(bill: Bill, changes: Mapping[str, Scalar]) -> RowUpdate:
    """Return the change of a bill from the state in which it was read."""
    return RowUpdate(
        table="bill",
        key={"id": str(bill.id)},
        expected={
            "state": bill.state,
            "paid_minor": bill.paid_minor,
            "auto_payer": None if bill.auto_payer is None else str(bill.auto_payer),
            "auto_due_ns": bill.auto_due_ns,
        },
        changes={**changes},
    )


def receipt_of(bill: Bill, changes: Mapping[str, Scalar]) -> BillReceipt:
    """Return what is told of a bill once some of its columns have changed."""
    names = BillReceipt.__struct_fields__
    return BillReceipt(
        **{name: getattr(bill, name) for name in names}
        | {name: changes[name] for name in names if name in changes}
    )
