"""Uploading bills."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import msgspec

from karez.core.ids import derived_id
from karez.core.outcomes import Rejected
from karez.ledger.operations import Operation, RowInsert
from karez.services.asking import Asking
from karez.services.payments.bills.account_numbers import check_number
from karez.services.payments.bills.order_records import StandingOrder
from karez.services.payments.bills.records import BillerService
from karez.services.payments.trades.operations import check_amount


@dataclass(frozen=True, slots=True)
class NewBill:
    """A bill to upload; see ``Bill``."""

    reference: str
    account_number: str
    label: str
    amount_minor: int
    due_ns: int


class UploadReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """Bills that were uploaded."""

    service: UUID
    count: int
    amount_minor: int


def bill_id(service: UUID, reference: str) -> UUID:
    """Return the id of a service's bill: a reference is used once."""
    return derived_id(service, "bill", reference)


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
