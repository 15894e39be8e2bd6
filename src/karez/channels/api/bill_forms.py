"""What is said of billers and their bills: the bodies of requests, the answers, and examples of both."""

from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from karez.channels.api.fields import (
    EXAMPLE_IDS,
    EXAMPLE_MOMENT,
    CurrencyCode,
    Moment,
    MoneyAmount,
    NewId,
    Reference,
    Text,
)
from karez.channels.api.moments import format_moment
from karez.services.payments.bills.account_numbers import LENGTH_MAX
from karez.services.payments.bills.payment_records import BillPayment
from karez.services.payments.bills.records import BillerService

BILLS_MAX = 1_000

ServiceId = Annotated[UUID, Meta(description="Id of a biller's service.")]
Category = Annotated[
    str, Meta(pattern="^[a-z_]{1,30}$", description="Such as water, power, gas, phone.", examples=["water"])
]
Form = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=120,
        pattern=r"^[\[\]{},A-Za-z0-9-]+$",
        description="The form of account numbers: parts such as CN-[0-9]{10}.",
        examples=["[0-9]{10}"],
    ),
]
AccountNumber = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=LENGTH_MAX,
        pattern="^[A-Za-z0-9-]+$",
        description="The payer's number in the biller's books.",
        examples=["0012345678"],
    ),
]


class NewBillerService(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Something that a biller sends bills for.

    Attributes:
        code: Your own name for it.
        account_label_en: What an account number is called in English.
        account_label_zh: What an account number is called in Chinese.
        allows_parts: Whether a bill may be paid in parts.
    """

    code: Reference
    name_en: Text
    name_zh: Text
    category: Category
    currency: CurrencyCode
    account_label_en: Text = "Account number"
    account_label_zh: Text = "户号"
    account_form: Form
    allows_parts: bool = False


class BillerServiceView(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a biller sends bills for."""

    id: UUID
    biller: int
    code: str
    name_en: str
    name_zh: str
    category: str
    currency: str
    account_label_en: str
    account_label_zh: str
    account_form: str
    allows_parts: bool


class BillerServiceList(msgspec.Struct, frozen=True):
    """The catalogue."""

    items: list[BillerServiceView]


class UploadedBill(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A bill.

    Attributes:
        reference: Your own name for it, once in the service.
        label: What the payer reads, such as `Water, October 2026`.
        due: By when it is to be paid; standing orders pay it then.
    """

    reference: Reference
    account_number: AccountNumber
    label: Text
    amount_minor: MoneyAmount
    due: Moment


class Upload(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Bills of one service, all or none.

    Attributes:
        id: Your own new id; it makes retries safe.
    """

    id: NewId
    service: ServiceId
    bills: Annotated[list[UploadedBill], Meta(min_length=1, max_length=BILLS_MAX)]


class Return(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Why a payment is given back.

    Attributes:
        reason: What the payer reads.
        reopen: Whether the bill can be paid again.
    """

    reason: Text
    reopen: bool = False


class BillPaymentView(msgspec.Struct, frozen=True, kw_only=True):
    """What was paid of a bill: its receipt.

    Attributes:
        state: `paid` or `returned`.
        reason: Why it was returned.
    """

    id: UUID
    bill: UUID
    service: UUID
    biller: int
    reference: str
    account_number: str
    label: str
    currency: str
    amount_minor: int
    state: str
    reason: str | None
    paid: Moment
    returned: Moment | None


class BillView(msgspec.Struct, frozen=True, kw_only=True):
    """A bill, as its biller sees it.

    Attributes:
        state: `open`, `paid` or `withdrawn`.
    """

    id: UUID
    service: UUID
    reference: str
    account_number: str
    label: str
    currency: str
    amount_minor: int
    paid_minor: int
    state: str
    due: Moment
    payments: list[BillPaymentView]


EXAMPLE_SERVICE = {
    "code": "water",
    "name_en": "Turfan Water",
    "name_zh": "吐鲁番自来水",
    "category": "water",
    "currency": "CNY",
    "account_label_en": "Customer number",
    "account_label_zh": "户号",
    "account_form": "[0-9]{10}",
    "allows_parts": False,
}
EXAMPLE_PAYMENT = {
    "id": EXAMPLE_IDS[3],
    "bill": EXAMPLE_IDS[5],
    "service": EXAMPLE_IDS[2],
    "biller": 4,
    "reference": "2026-10-0001",
    "account_number": "0012345678",
    "label": "Water, October 2026",
    "currency": "CNY",
    "amount_minor": 8_640,
    "state": "paid",
    "reason": None,
    "paid": EXAMPLE_MOMENT,
    "returned": None,
}
EXAMPLE_RECEIPT = {
    "id": EXAMPLE_IDS[5],
    "reference": "2026-10-0001",
    "state": "withdrawn",
    "amount_minor": 8_640,
    "paid_minor": 0,
}
EXAMPLE_BILL = {
    "id": EXAMPLE_IDS[5],
    "service": EXAMPLE_IDS[2],
    "reference": "2026-10-0001",
    "account_number": "0012345678",
    "label": "Water, October 2026",
    "currency": "CNY",
    "amount_minor": 8_640,
    "paid_minor": 8_640,
    "state": "paid",
    "due": EXAMPLE_MOMENT,
    "payments": [EXAMPLE_PAYMENT],
}
EXAMPLE_UPLOAD = {
    "id": EXAMPLE_IDS[7],
    "service": EXAMPLE_IDS[2],
    "bills": [
        {
            "reference": "2026-10-0001",
            "account_number": "0012345678",
            "label": "Water, October 2026",
            "amount_minor": 8_640,
            "due": EXAMPLE_MOMENT,
        }
    ],
}


def payment_view(payment: BillPayment) -> BillPaymentView:
    """Return a payment as its payer and its biller see it."""
    return BillPaymentView(
        id=payment.id,
        bill=payment.bill,
        service=payment.service,
        biller=payment.institution,
        reference=payment.reference,
        account_number=payment.account_number,
        label=payment.label,
        currency=payment.currency,
        amount_minor=payment.amount_minor,
        state=payment.state,
        reason=payment.reason,
        paid=format_moment(payment.paid_ns),
        returned=None if payment.returned_ns is None else format_moment(payment.returned_ns),
    )


def service_view(service: BillerService) -> BillerServiceView:
    """Return a service as the catalogue shows it."""
    return BillerServiceView(
        id=service.id,
        biller=service.institution,
        code=service.code,
        name_en=service.name_en,
        name_zh=service.name_zh,
        category=service.category,
        currency=service.currency,
        account_label_en=service.account_label_en,
        account_label_zh=service.account_label_zh,
        account_form=service.account_form,
        allows_parts=service.allows_parts,
    )
