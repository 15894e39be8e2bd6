"""Paying a bill from the balance."""

from uuid import UUID

import msgspec

from karez.core.outcomes import Rejected
from karez.ledger.operations import Operation, RowInsert, Scalar
from karez.services.asking import Asking
from karez.services.payments import accounts
from karez.services.payments.accounts import TransferCode
from karez.services.payments.bills.changes import change, check_open
from karez.services.payments.bills.records import Bill
from karez.services.payments.fraud.attempts import Fingerprints, PaymentAttempt
from karez.services.payments.house import House, money_moves
from karez.services.payments.trades.operations import check_amount
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
        events=(
            asking.event("bill.paid", (wallet.party,), msgspec.structs.asdict(receipt), (bill.institution,)),
        ),
    )


def bill_attempt(
    asking: Asking, bill: Bill, payer: UUID, amount_minor: int, device: Fingerprints
) -> PaymentAttempt:
    """Return what the rules against fraud judge before a bill is paid; its service is who is paid.

    Args:
        asking: The payer's request.
        bill: Which one.
        payer: Who pays.
        amount_minor: How much of it.
        device: On which it is paid.
    """
    return PaymentAttempt(
        id=asking.id,
        person=payer,
        shop=bill.service,
        currency=bill.currency,
        amount_minor=amount_minor,
        at_ns=asking.now_ns,
        device=device,
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
