"""Registering what a biller sends bills for."""

from dataclasses import dataclass
from uuid import UUID

import msgspec

from karez.core.ids import NIL, derived_id
from karez.core.outcomes import Rejected
from karez.ledger.operations import Operation, RowInsert, Scalar
from karez.services.asking import Asking
from karez.services.payments import accounts
from karez.services.payments.accounts import AccountCode
from karez.services.payments.bills.account_numbers import check_form
from karez.services.payments.house import House


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


class ServiceReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """A biller's service."""

    id: UUID
    code: str
    currency: str
    state: str


def service_id(biller: int, code: str) -> UUID:
    """Return the id of a biller's service: a code is used once."""
    return derived_id(NIL, "biller service", biller, code)


def check_biller(kind: str) -> None:
    """Refuse what is for billers only.

    Rejections: ``biller_needed``.
    """
    if kind != "biller":
        raise Rejected(
            "biller_needed",
            f"Only an institution of the kind biller sends bills and is paid for them; this one is a {kind}.",
        )


def register_service(
    asking: Asking,
    house: House,
    biller: int,
    kind: str,
    has_takings: bool,
    is_code_used: bool,
    new: NewService,
) -> Operation:
    """Register what a biller sends bills for; with the first one in a currency, an account for what it is paid.

    Args:
        asking: The biller's request.
        house: The payment house.
        biller: Its institution number.
        kind: The kind of the institution.
        has_takings: Whether the biller has an account in the currency.
        is_code_used: Whether the biller has a service of this code.
        new: What it is.

    Rejections: ``biller_needed``, ``biller_code_used``, ``currency_not_open``, ``account_form_invalid``.
    """
    check_biller(kind)
    if is_code_used:
        raise Rejected(
            "biller_code_used",
            f"You have a service of the code {new.code!r} already; choose another code for another service.",
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
