"""What billers do with bills: uploading them, withdrawing them, and returning payments."""

from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from karez.channels.api.asking import asked
from karez.channels.api.bill_forms import (
    EXAMPLE_BILL,
    EXAMPLE_RECEIPT,
    EXAMPLE_UPLOAD,
    BillView,
    Return,
    Upload,
    payment_view,
)
from karez.channels.api.bodies import LARGE_SIZE_MAX_BYTES, Body
from karez.channels.api.caller_database import Connection
from karez.channels.api.carrying import carry, content_of, key_of
from karez.channels.api.documentation import KEY, Answer, Documentation
from karez.channels.api.fields import EXAMPLE_IDS
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.moments import format_moment, parse_moment
from karez.channels.api.operations import IDEMPOTENCY_KEY, OPERATION_REFUSALS
from karez.channels.api.replies import Reply, json_reply, to_response
from karez.core.outcomes import Rejected
from karez.parties.roles import Permission
from karez.services.payments.bills import taking_back, uploading
from karez.services.payments.bills.changes import BillReceipt
from karez.services.payments.bills.order_records import StandingOrder, active_orders
from karez.services.payments.bills.payment_records import BillPayment, find_payment, payments_of_bill
from karez.services.payments.bills.records import (
    Bill,
    BillerService,
    bill_not_found,
    find_bill,
    find_own_service,
    known_references,
)
from karez.services.payments.bills.taking_back import ReturnReceipt
from karez.services.payments.bills.uploading import NewBill, UploadReceipt, bill_id

_UPLOAD: Body[Upload] = Body(Upload, EXAMPLE_UPLOAD, LARGE_SIZE_MAX_BYTES)
_RETURN: Body[Return] = Body(Return, {"reason": "This meter is closed", "reopen": False})


@post(
    "/v1/bills",
    request_max_body_size=LARGE_SIZE_MAX_BYTES,
    opt={
        KEY: Documentation(
            name="uploadBills",
            topic="Bills",
            summary="Upload up to 1,000 bills, all or none, as the biller",
            access=Permission.PAYMENTS_WRITE,
            body=_UPLOAD,
            answers={
                201: Answer(
                    "Uploaded, now or before",
                    UploadReceipt,
                    {"service": EXAMPLE_IDS[2], "count": 1, "amount_minor": 8_640},
                )
            },
            refusals=(
                *OPERATION_REFUSALS,
                "institution_needed",
                "biller_service_not_found",
                "bill_exists",
                "bill_twice",
                "account_number_malformed",
                "amount_too_large",
                "moment_malformed",
            ),
        )
    },
)
async def upload_bills(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Upload bills under the biller's own id."""
    body = await _UPLOAD.read(request)
    biller = caller.institution
    bills = [
        NewBill(each.reference, each.account_number, each.label, each.amount_minor, parse_moment(each.due))
        for each in body.bills
    ]
    ids = [bill_id(body.service, each.reference) for each in bills]

    def read(conn: Connection) -> tuple[BillerService, dict[UUID, str], dict[str, StandingOrder]]:
        service = find_own_service(conn, biller, body.service)
        orders = active_orders(conn, service.id, {each.account_number for each in bills})
        return service, known_references(conn, ids), orders

    reply = await carry(
        services,
        asked(caller, None, "bill.upload", content_of(body), body.id),
        lambda: services.database.as_operator(read),
        lambda asking, _, facts: uploading.upload(asking, *facts, bills),
    )
    return to_response(Reply(201, reply))


@get(
    "/v1/bills/{bill_id:uuid}",
    opt={
        KEY: Documentation(
            name="readBill",
            topic="Bills",
            summary="Read a bill and what was paid of it, as the biller",
            access=Permission.PAYMENTS_READ,
            answers={200: Answer("The bill", BillView, EXAMPLE_BILL)},
            refusals=("institution_needed", "bill_not_found"),
        )
    },
)
async def read_bill(bill_id: FromPath[UUID], caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Return a bill of the calling biller."""
    biller = caller.institution

    def read(conn: Connection) -> tuple[Bill, list[BillPayment]]:
        return _own_bill(conn, biller, bill_id), payments_of_bill(conn, bill_id)

    bill, payments = await services.database.as_caller(caller, read)
    return json_reply(
        BillView(
            id=bill.id,
            service=bill.service,
            reference=bill.reference,
            account_number=bill.account_number,
            label=bill.label,
            currency=bill.currency,
            amount_minor=bill.amount_minor,
            paid_minor=bill.paid_minor,
            state=bill.state,
            due=format_moment(bill.due_ns),
            payments=[payment_view(each) for each in payments],
        )
    )


@post(
    "/v1/bills/{bill_id:uuid}/withdraw",
    status_code=200,
    opt={
        KEY: Documentation(
            name="withdrawBill",
            topic="Bills",
            summary="Withdraw a bill of which nothing is paid, as the biller",
            access=Permission.PAYMENTS_WRITE,
            headers=(IDEMPOTENCY_KEY,),
            answers={200: Answer("Withdrawn, now or before", BillReceipt, EXAMPLE_RECEIPT)},
            refusals=(
                *OPERATION_REFUSALS,
                "institution_needed",
                "bill_not_found",
                "bill_state_wrong",
                "bill_partly_paid",
            ),
        )
    },
)
async def withdraw_bill(
    request: AnyRequest, bill_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Withdraw a bill."""
    biller = caller.institution
    reply = await carry(
        services,
        asked(caller, None, f"bill.withdraw/{bill_id}", b"", key_of(request)),
        lambda: services.database.as_caller(caller, lambda conn: _own_bill(conn, biller, bill_id)),
        lambda asking, _, bill: taking_back.withdraw(asking, bill),
    )
    return to_response(Reply(200, reply))


@post(
    "/v1/bill-payments/{payment_id:uuid}/return",
    status_code=200,
    opt={
        KEY: Documentation(
            name="returnBillPayment",
            topic="Bills",
            summary="Give a payment back to its payer, as the biller",
            access=Permission.PAYMENTS_WRITE,
            body=_RETURN,
            headers=(IDEMPOTENCY_KEY,),
            answers={
                200: Answer(
                    "Given back, now or before",
                    ReturnReceipt,
                    {"payment": EXAMPLE_IDS[3], "amount_minor": 8_640, "bill": EXAMPLE_RECEIPT},
                )
            },
            refusals=(
                *OPERATION_REFUSALS,
                "institution_needed",
                "bill_payment_not_found",
                "bill_payment_returned",
                "currency_not_open",
            ),
        )
    },
)
async def return_bill_payment(
    request: AnyRequest, payment_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Return a payment."""
    body = await _RETURN.read(request)
    biller = caller.institution

    def read(conn: Connection) -> tuple[Bill, BillPayment]:
        payment = find_payment(conn, payment_id)
        if payment.institution != biller:
            raise Rejected(
                "bill_payment_not_found",
                f"There is no payment {payment_id} that you may see; look its id up.",
            )
        return find_bill(conn, payment.bill), payment

    reply = await carry(
        services,
        asked(caller, None, f"bill.return/{payment_id}", content_of(body), key_of(request)),
        lambda: services.database.as_caller(caller, read),
        lambda asking, house, facts: taking_back.return_payment(
            asking, house, *facts, body.reason, body.reopen
        ),
    )
    return to_response(Reply(200, reply))


def _own_bill(conn: Connection, biller: int, bill: UUID) -> Bill:
    found = find_bill(conn, bill)
    if found.institution != biller:
        raise bill_not_found(bill)
    return found


HANDLERS = (upload_bills, read_bill, withdraw_bill, return_bill_payment)
