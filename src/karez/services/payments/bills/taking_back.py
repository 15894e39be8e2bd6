"""What billers take back: a bill that nobody has paid, and a payment."""

from uuid import UUID

import msgspec

from karez.core.outcomes import Rejected
from karez.ledger.operations import Operation, RowUpdate, Scalar
from karez.services.asking import Asking
from karez.services.payments import accounts
from karez.services.payments.accounts import TransferCode
from karez.services.payments.bills.changes import BillReceipt, change, check_open, receipt_of
from karez.services.payments.bills.payment_records import BillPayment
from karez.services.payments.bills.records import Bill
from karez.services.payments.house import House, money_moves


class ReturnReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """A payment that was returned, and its bill after it."""

    payment: UUID
    amount_minor: int
    bill: BillReceipt


def withdraw(asking: Asking, bill: Bill) -> Operation:
    """Withdraw a bill of which nothing is paid, as its biller.

    Rejections: ``bill_state_wrong``, ``bill_partly_paid``.
    """
    check_open(bill)
    if bill.paid_minor:
        raise Rejected(
            "bill_partly_paid", "A part of this bill is paid; return its payments before you withdraw it."
        )
    changes: dict[str, Scalar] = {"state": "withdrawn", "auto_due_ns": None}
    return asking.operation("bill.withdraw", receipt_of(bill, changes), rows=(change(bill, changes),))


def return_payment(
    asking: Asking, house: House, bill: Bill, payment: BillPayment, reason: str, is_open_again: bool
) -> Operation:
    """Give a payment back to its payer, as the biller.

    Args:
        asking: The biller's request.
        house: The payment house.
        bill: As it was read.
        payment: Of the bill.
        reason: What the payer reads.
        is_open_again: Whether the bill can be paid again; otherwise, if nothing else of it is paid, it is withdrawn.

    Rejections: ``bill_payment_returned``.
    """
    if payment.state != "paid":
        raise Rejected("bill_payment_returned", "This payment was returned before; read it to see when.")
    transfer = money_moves(
        asking.made_id("return"),
        accounts.biller_takings(bill.institution, bill.currency),
        accounts.wallet(payment.payer, bill.currency),
        payment.amount_minor,
        house.currency(bill.currency).money,
        TransferCode.BILL_RETURN,
    )
    left_minor = bill.paid_minor - payment.amount_minor
    changes: dict[str, Scalar] = {
        "paid_minor": left_minor,
        "state": "open" if is_open_again or left_minor else "withdrawn",
        "auto_due_ns": None,
    }
    returned = RowUpdate(
        table="bill_payment",
        key={"id": str(payment.id)},
        expected={"state": "paid"},
        changes={"state": "returned", "reason": reason, "returned_ns": asking.now_ns},
    )
    receipt = ReturnReceipt(
        payment=payment.id, amount_minor=payment.amount_minor, bill=receipt_of(bill, changes)
    )
    told = {
        "payment": payment.id,
        "bill": bill.id,
        "label": bill.label,
        "currency": bill.currency,
        "amount_minor": payment.amount_minor,
        "reason": reason,
    }
    return asking.operation(
        "bill.return",
        receipt,
        transfers=(transfer,),
        rows=(change(bill, changes), returned),
        events=(asking.event("bill.returned", (payment.payer,), told),),
    )
