"""What billers do: register what they send bills for, upload bills, withdraw them, and return payments."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import msgspec

from karez.core.ids import NIL, derived_id
from karez.core.outcomes import Rejected
from karez.ledger.operations import Operation, RowInsert, RowUpdate, Scalar
from karez.services.asking import Asking
from karez.services.payments import accounts
from karez.services.payments.accounts import AccountCode, TransferCode
from karez.services.payments.bills.account_numbers import check_form, check_number
from karez.services.payments.bills.records import Bill, BillerService, BillPayment, StandingOrder
from karez.services.payments.house import House, money_moves
from karez.services.payments.trades.operations import check_amount


@dataclass(frozen=True, slots=True)
class NewService:
    """What a biller wants to send bills for; see ``BillerService``."""

    code: str
    name_en: str
    name_zh: str
    category: str
    currency: str
    account_label_en: str
    account_label_zh: str
    account_form: str
    allows_parts: bool


@dataclass(frozen=True, slots=True)
class NewBill:
    """A bill to upload; see ``Bill``."""

    reference: str
    account_number: str
    label: str
    amount_minor: int
    due_ns: int


class ServiceReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """A biller's service."""

    id: UUID
    code: str
    currency: str
    state: str


class UploadReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """Bills that were uploaded."""

    service: UUID
    count: int
    amount_minor: int


class BillReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """A bill after a change."""

    id: UUID
    reference: str
    state: str
    amount_minor: int
    paid_minor: int


class ReturnReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """A payment that was returned, and its bill after it."""

    payment: UUID
    amount_minor: int
    bill: BillReceipt


def service_id(biller: int, code: str) -> UUID:
    """Return the id of a biller's service: a code is used once."""
    return derived_id(NIL, "biller service", biller, code)


def bill_id(service: UUID, reference: str) -> UUID:
    """Return the id of a service's bill: a reference is used once."""
    return derived_id(service, "bill", reference)


def register_service(
    asking: Asking, house: House, biller: int, kind: str, has_takings: bool, new: NewService
) -> Operation:
    """Register what a biller sends bills for; with the first one in a currency, an account for what it is paid.

    Args:
        asking: The biller's request.
        house: The payment house.
        biller: Its institution number.
        kind: The kind of the institution.
        has_takings: Whether the biller has an account in the currency.
        new: What it is.

    Rejections: ``biller_needed``, ``currency_not_open``, ``account_form_invalid``; in the book ``row_exists``.
    """
    if kind != "biller":
        raise Rejected(
            "biller_needed",
            f"Only an institution of the kind biller sends bills; yours is of the kind {kind}.",
        )
    currency = house.currency(new.currency)
    check_form(new.account_form)
    id_ = service_id(biller, new.code)
    takings = house.account(
        accounts.biller_takings(biller, new.currency), currency.money, AccountCode.BILLER_TAKINGS
    )
    values: dict[str, Scalar] = {name: getattr(new, name) for name in NewService.__dataclass_fields__}
    row = RowInsert(
        table="biller_service",
        key={"id": str(id_)},
        values={**values, "institution": biller, "state": "open", "created_ns": asking.now_ns},
    )
    return asking.operation(
        "biller_service.register",
        ServiceReceipt(id=id_, code=new.code, currency=new.currency, state="open"),
        accounts=() if has_takings else (takings,),
        rows=(row,),
    )


def upload(
    asking: Asking,
    service: BillerService,
    known: Mapping[UUID, str],
    orders: Mapping[str, StandingOrder],
    bills: Sequence[NewBill],
) -> Operation:
    """Upload bills, all or none.

    Args:
        asking: The biller's request.
        service: For what.
        known: Those of the bills that exist already, by id, with their references.
        orders: The standing orders for the account numbers.
        bills: At least one.

    Rejections: ``bill_exists``, ``bill_twice``, ``account_number_malformed``, ``amount_not_positive``,
        ``amount_too_large``; in the book ``row_exists``.
    """
    if known:
        raise _exists(next(iter(known.values())))
    twice = [reference for reference, count in Counter(each.reference for each in bills).items() if count > 1]
    if twice:
        raise Rejected(
            "bill_twice",
            f"The reference {twice[0]!r} is in the request more than once; leave one of the bills out.",
            reference=twice[0],
        )
    for each in bills:
        check_amount(each.amount_minor)
        check_number(service.account_form, each.account_number)
    return asking.operation(
        "bill.upload",
        UploadReceipt(
            service=service.id, count=len(bills), amount_minor=sum(each.amount_minor for each in bills)
        ),
        rows=tuple(_row(asking, service, orders.get(each.account_number), each) for each in bills),
    )


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


def _exists(reference: str) -> Rejected:
    return Rejected(
        "bill_exists",
        f"The bill {reference!r} was uploaded before, and none of this request was; leave it out.",
        reference=reference,
    )


def _row(asking: Asking, service: BillerService, order: StandingOrder | None, new: NewBill) -> RowInsert:
    return RowInsert(
        table="bill",
        key={"id": str(bill_id(service.id, new.reference))},
        values={
            "service": str(service.id),
            "institution": service.institution,
            "reference": new.reference,
            "account_number": new.account_number,
            "label": new.label,
            "currency": service.currency,
            "amount_minor": new.amount_minor,
            "paid_minor": 0,
            "allows_parts": service.allows_parts,
            "state": "open",
            "due_ns": new.due_ns,
            "auto_payer": None if order is None else str(order.payer),
            "auto_due_ns": None if order is None else new.due_ns,
            "auto_attempt": 0,
            "created_ns": asking.now_ns,
        },
    )
