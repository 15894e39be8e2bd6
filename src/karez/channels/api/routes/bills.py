"""What payers do with bills: looking them up, paying them, and their receipts."""

from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from msgspec import UNSET, UnsetType

from karez.channels.api.acting import ACTING_FOR, ACTING_REFUSALS, party_of
from karez.channels.api.asking import asked
from karez.channels.api.bill_forms import (
    EXAMPLE_PAYMENT,
    AccountNumber,
    BillPaymentView,
    payment_view,
)
from karez.channels.api.bodies import Body, Query
from karez.channels.api.caller_database import Connection
from karez.channels.api.carrying import carry, content_of
from karez.channels.api.devices import DEVICE_ID, device_of
from karez.channels.api.documentation import KEY, Answer, Documentation, Link
from karez.channels.api.fields import EXAMPLE_IDS, EXAMPLE_MOMENT, Moment, MoneyAmount, NewId, PageSize
from karez.channels.api.fraud_guard import STOPPING_REFUSALS
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.moments import format_moment
from karez.channels.api.operations import OPERATION_REFUSALS
from karez.channels.api.paging import read_page
from karez.channels.api.replies import Reply, json_reply, location, to_response
from karez.parties.roles import Permission
from karez.services.payments.bills import paying
from karez.services.payments.bills.account_numbers import check_number
from karez.services.payments.bills.paying import BillPaymentReceipt
from karez.services.payments.bills.payment_records import find_payment, payments_page
from karez.services.payments.bills.records import (
    Bill,
    bill_not_found,
    bills_of,
    find_bill,
    find_service,
)
from karez.services.payments.wallets.records import Wallet, find_wallet


class LookUp(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Whose bills to look up."""

    account_number: AccountNumber


class NewBillPayment(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What to pay of a bill.

    Attributes:
        id: Your own new id; it makes retries safe.
        account_number: The one by which the bill was looked up.
    """

    id: NewId
    account_number: AccountNumber
    amount_minor: MoneyAmount


class OpenBillView(msgspec.Struct, frozen=True, kw_only=True):
    """A bill that is to be paid.

    Attributes:
        left_minor: What is still to be paid.
        allows_parts: Whether it may be paid in parts.
        due: By when.
    """

    id: UUID
    reference: str
    label: str
    currency: str
    amount_minor: int
    left_minor: int
    allows_parts: bool
    due: Moment


class OpenBillList(msgspec.Struct, frozen=True):
    """What is open on an account number, what is due first coming first; 100 bills at most."""

    items: list[OpenBillView]


class BillPaymentPage(msgspec.Struct, frozen=True):
    """Payments, the latest first."""

    items: list[BillPaymentView]
    next_before: Moment | None


class BillPaymentsQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which payments.

    Attributes:
        before: Paid before this moment.
    """

    before: Moment | UnsetType = UNSET
    limit: PageSize = 50


_EXAMPLE_OPEN = {
    "id": EXAMPLE_IDS[5],
    "reference": "2026-10-0001",
    "label": "Water, October 2026",
    "currency": "CNY",
    "amount_minor": 8_640,
    "left_minor": 8_640,
    "allows_parts": False,
    "due": EXAMPLE_MOMENT,
}
_EXAMPLE_RECEIPT = {
    "id": EXAMPLE_IDS[3],
    "bill": EXAMPLE_IDS[5],
    "label": "Water, October 2026",
    "currency": "CNY",
    "amount_minor": 8_640,
    "left_minor": 0,
}
_LOOK_UP: Body[LookUp] = Body(LookUp, {"account_number": "0012345678"})
_PAY: Body[NewBillPayment] = Body(
    NewBillPayment, {"id": EXAMPLE_IDS[7], "account_number": "0012345678", "amount_minor": 8_640}
)
_QUERY = Query(BillPaymentsQuery)


@post(
    "/v1/biller-services/{service_id:uuid}/look-up",
    status_code=200,
    opt={
        KEY: Documentation(
            name="lookUpBills",
            topic="Bills",
            summary="Look up what is open on an account number",
            access=Permission.PAYMENTS_WRITE,
            body=_LOOK_UP,
            headers=(ACTING_FOR,),
            answers={200: Answer("What is open", OpenBillList, {"items": [_EXAMPLE_OPEN]})},
            refusals=(*ACTING_REFUSALS, "biller_service_not_found", "account_number_malformed"),
        )
    },
)
async def look_up_bills(
    request: AnyRequest, service_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Return open bills; the account number travels in the body, so it stands in no log of addresses."""
    number = (await _LOOK_UP.read(request)).account_number
    await party_of(services, caller, request)

    def read(conn: Connection) -> list[Bill]:
        check_number(find_service(conn, service_id).account_form, number)
        return bills_of(conn, service_id, number)

    found = await services.database.as_operator(read)
    return json_reply(OpenBillList([_open_view(each) for each in found]))


@post(
    "/v1/bills/{bill_id:uuid}/pay",
    opt={
        KEY: Documentation(
            name="payBill",
            topic="Bills",
            summary="Pay a bill from the balance",
            access=Permission.PAYMENTS_WRITE,
            body=_PAY,
            headers=(ACTING_FOR, DEVICE_ID),
            answers={
                201: Answer(
                    "Paid, now or before",
                    BillPaymentReceipt,
                    _EXAMPLE_RECEIPT,
                    (Link("payment", "readBillPayment", {"payment_id": "$response.body#/id"}),),
                )
            },
            refusals=(
                *OPERATION_REFUSALS,
                *ACTING_REFUSALS,
                *STOPPING_REFUSALS,
                "bill_not_found",
                "bill_state_wrong",
                "bill_amount_wrong",
                "amount_too_large",
                "currency_not_open",
                "wallet_not_found",
                "wallet_frozen",
                "balance_too_low",
                "payment_limit_exceeded",
                "day_limit_exceeded",
            ),
        )
    },
)
async def pay_bill(
    request: AnyRequest, bill_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Pay a bill that the payer knows the account number of."""
    body = await _PAY.read(request)
    payer = await party_of(services, caller, request)
    device = device_of(services, request)

    def by_number(conn: Connection) -> Bill:
        bill = find_bill(conn, bill_id)
        if bill.account_number != body.account_number:
            raise bill_not_found(bill_id)
        return bill

    async def read() -> tuple[Bill, Wallet]:
        bill = await services.database.as_operator(by_number)
        return bill, await services.database.as_party(
            payer, lambda conn: find_wallet(conn, payer, bill.currency)
        )

    reply = await carry(
        services,
        asked(caller, payer, f"bill.pay/{bill_id}", content_of(body), body.id),
        read,
        lambda asking, house, facts: paying.pay(asking, house, *facts, body.amount_minor),
        lambda asking, facts: paying.bill_attempt(asking, facts[0], payer, body.amount_minor, device),
    )
    made = msgspec.json.decode(reply, type=BillPaymentReceipt).id
    return to_response(Reply(201, reply, (location("/v1/bill-payments", made),)))


@get(
    "/v1/bill-payments/{payment_id:uuid}",
    opt={
        KEY: Documentation(
            name="readBillPayment",
            topic="Bills",
            summary="Read the receipt of a payment, as its payer",
            access=Permission.PAYMENTS_READ,
            headers=(ACTING_FOR,),
            answers={200: Answer("The receipt", BillPaymentView, EXAMPLE_PAYMENT)},
            refusals=(*ACTING_REFUSALS, "bill_payment_not_found"),
        )
    },
)
async def read_bill_payment(
    request: AnyRequest, payment_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Return a receipt."""
    payer = await party_of(services, caller, request)
    found = await services.database.as_party(payer, lambda conn: find_payment(conn, payment_id))
    return json_reply(payment_view(found))


@get(
    "/v1/bill-payments",
    opt={
        KEY: Documentation(
            name="listBillPayments",
            topic="Bills",
            summary="List what a payer has paid, the latest first",
            access=Permission.PAYMENTS_READ,
            query=_QUERY,
            headers=(ACTING_FOR,),
            answers={
                200: Answer("A page", BillPaymentPage, {"items": [EXAMPLE_PAYMENT], "next_before": None})
            },
            refusals=(*ACTING_REFUSALS, "moment_malformed"),
        )
    },
)
async def list_bill_payments(
    request: AnyRequest, caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Return a page of receipts."""
    query = _QUERY.read(request)
    payer = await party_of(services, caller, request)
    found, next_before = await read_page(
        services,
        payer,
        query,
        lambda conn, before_ns, limit: payments_page(conn, payer, before_ns, limit),
        lambda each: each.paid_ns,
    )
    return json_reply(BillPaymentPage([payment_view(each) for each in found], next_before))


def _open_view(bill: Bill) -> OpenBillView:
    return OpenBillView(
        id=bill.id,
        reference=bill.reference,
        label=bill.label,
        currency=bill.currency,
        amount_minor=bill.amount_minor,
        left_minor=bill.left_minor,
        allows_parts=bill.allows_parts,
        due=format_moment(bill.due_ns),
    )


HANDLERS = (look_up_bills, pay_bill, read_bill_payment, list_bill_payments)
