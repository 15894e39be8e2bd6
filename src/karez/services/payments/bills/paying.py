"""Paying a bill from the balance, by oneself or by a standing order."""

from uuid import UUID

import msgspec

from karez.core.outcomes import Rejected
from karez.ledger.operations import Operation, RowInsert, Scalar
from karez.services.asking import Asking
from karez.services.payments import accounts
from karez.services.payments.accounts import TransferCode
from karez.services.payments.agreements.schedules import RETRY_AFTER_S
from karez.services.payments.bills.records import Bill, StandingOrder
from karez.services.payments.bills.uploading import change, check_open, receipt_of
from karez.services.payments.house import House, money_moves
from karez.services.payments.trades.operations import check_amount
from karez.services.payments.trades.timers import later_ns
from karez.services.payments.wallets.limits import check_payment, limit_use
from karez.services.payments.wallets.operations import check_open as check_wallet
from karez.services.payments.wallets.records import Wallet


class BillPaymentReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """What was paid of a bill.

    Attributes:
        left_minor: What is still to be paid of it.
    """

    id: UUID
    bill: UUID
    label: str
    currency: str
    amount_minor: int
    left_minor: int


def pay(asking: Asking, house: House, bill: Bill, wallet: Wallet, amount_minor: int) -> Operation:
    """Pay a bill, whole unless its biller allows parts.

    Rejections: ``bill_state_wrong``, ``amount_not_positive``, ``amount_too_large``, ``bill_amount_wrong``,
        ``wallet_frozen``, ``payment_limit_exceeded``; in the book ``exceeds_credits``.
    """
    check_open(bill)
    check_amount(amount_minor)
    if amount_minor > bill.left_minor or (amount_minor < bill.left_minor and not bill.allows_parts):
        parts = "at most" if bill.allows_parts else "exactly"
        raise Rejected(
            "bill_amount_wrong",
            f"Of this bill {parts} {bill.left_minor} minor units are to be paid; correct the amount.",
            left_minor=bill.left_minor,
        )
    currency = house.currency(bill.currency)
    check_wallet(wallet)
    check_payment(wallet.level, amount_minor, currency)
    transfer = money_moves(
        asking.made_id("payment"),
        accounts.wallet(wallet.party, currency.code),
        accounts.biller_takings(bill.institution, currency.code),
        amount_minor,
        currency.money,
        TransferCode.BILL,
    )
    is_whole = amount_minor == bill.left_minor
    changes: dict[str, Scalar] = {
        "paid_minor": bill.paid_minor + amount_minor,
        "state": "paid" if is_whole else "open",
        "auto_due_ns": None if is_whole else bill.auto_due_ns,
    }
    receipt = BillPaymentReceipt(
        id=asking.id,
        bill=bill.id,
        label=bill.label,
        currency=currency.code,
        amount_minor=amount_minor,
        left_minor=bill.left_minor - amount_minor,
    )
    limited = limit_use(asking, wallet.party, wallet.level, amount_minor, currency)
    return asking.operation(
        "bill.pay",
        receipt,
        transfers=(*limited, transfer),
        rows=(change(bill, changes), _payment(asking, bill, wallet.party, amount_minor)),
        events=(asking.event("bill.paid", (wallet.party,), msgspec.structs.asdict(receipt)),),
    )


def pay_by_order(
    asking: Asking, house: House, bill: Bill, order: StandingOrder | None, wallet: Wallet
) -> Operation:
    """Pay a bill that is due as its payer has ordered, or record at once that a rule does not allow it.

    Args:
        asking: The clock's request.
        house: The payment house.
        bill: Due.
        order: The payer's, if it is still active.
        wallet: The payer's.
    """
    if order is None:
        changes: dict[str, Scalar] = {"auto_payer": None, "auto_due_ns": None}
        return asking.operation("bill.detach", receipt_of(bill, changes), rows=(change(bill, changes),))
    try:
        if bill.left_minor > order.amount_max_minor:
            raise Rejected(
                "bill_over_order",
                f"The bill is larger than the {order.amount_max_minor} minor units of your standing order; pay it "
                "yourself.",
            )
        return pay(asking, house, bill, wallet, bill.left_minor)
    except Rejected as refusal:
        return fail(asking, bill, wallet.party, refusal)


def fail(asking: Asking, bill: Bill, payer: UUID, refusal: Rejected) -> Operation:
    """Record that a standing order could not pay, and when it tries again: as agreements do.

    Args:
        asking: The clock's request.
        bill: Due.
        payer: Whose order it is.
        refusal: Why.
    """
    is_hopeless = refusal.code == "bill_over_order" or bill.auto_attempt >= len(RETRY_AFTER_S)
    again_ns = None if is_hopeless else later_ns(asking.now_ns, RETRY_AFTER_S[bill.auto_attempt])
    changes: dict[str, Scalar] = {"auto_attempt": bill.auto_attempt + 1, "auto_due_ns": again_ns}
    told = {
        "bill": bill.id,
        "label": bill.label,
        "currency": bill.currency,
        "amount_minor": bill.left_minor,
        "reason": refusal.code,
        "again_ns": again_ns,
    }
    topic = "bill.auto_pay_failed" if again_ns is None else "bill.auto_pay_delayed"
    return asking.operation(
        "bill.auto_pay_fail",
        receipt_of(bill, changes),
        rows=(change(bill, changes),),
        events=(asking.event(topic, (payer,), told),),
    )


def _payment(asking: Asking, bill: Bill, payer: UUID, amount_minor: int) -> RowInsert:
    return RowInsert(
        table="bill_payment",
        key={"id": str(asking.id)},
        values={
            "bill": str(bill.id),
            "service": str(bill.service),
            "institution": bill.institution,
            "reference": bill.reference,
            "account_number": bill.account_number,
            "label": bill.label,
            "payer": str(payer),
            "currency": bill.currency,
            "amount_minor": amount_minor,
            "state": "paid",
            "reason": None,
            "paid_ns": asking.now_ns,
            "returned_ns": None,
        },
    )
