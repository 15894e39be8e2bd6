"""Payouts: the banks through which shops are paid, files for them, and what became of each payout."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from msgspec import UNSET, Meta, UnsetType

from karez.channels.api.acting import ACTING_FOR, ACTING_REFUSALS, party_of
from karez.channels.api.asking import asked
from karez.channels.api.bodies import Body, Query, or_none
from karez.channels.api.caller_database import Connection
from karez.channels.api.carrying import carry, content_of, key_of
from karez.channels.api.documentation import KEY, Answer, Documentation
from karez.channels.api.fields import (
    EXAMPLE_IDS,
    EXAMPLE_MOMENT,
    CurrencyCode,
    InstitutionNumber,
    Moment,
    PageSize,
    Text,
)
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.moments import format_moment, parse_moment
from karez.channels.api.operations import IDEMPOTENCY_KEY, OPERATION_REFUSALS
from karez.channels.api.replies import Reply, json_reply, to_response
from karez.channels.api.routes.fee_plans import CalendarName
from karez.core.calendars import Calendar
from karez.core.outcomes import Rejected
from karez.ledger.operations import Operation
from karez.parties.roles import Permission
from karez.services.asking import Asking
from karez.services.payments.house import House
from karez.services.payments.settlement import payouts
from karez.services.payments.settlement.agreed_calendars import find_calendar
from karez.services.payments.settlement.payout_banks import (
    NewPayoutBank,
    PayoutBankReceipt,
    open_payouts,
)
from karez.services.payments.settlement.payout_files import PayoutFile, files_since, written_file
from karez.services.payments.settlement.payouts import Payout, PayoutReceipt, find_payout, payouts_page

_LATEST_NS = 2**63 - 1
_XML = b"application/xml"


class PayoutBankToOpen(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A bank through which shops are to be paid.

    Attributes:
        institution: The bank.
        holder: Karez's name there.
        account: Karez's account there.
        bic: The bank's.
    """

    institution: InstitutionNumber
    currency: CurrencyCode
    calendar: CalendarName = "weekdays"
    holder: Annotated[str, Meta(min_length=1, max_length=140)]
    account: Annotated[str, Meta(min_length=1, max_length=34)]
    bic: Annotated[str, Meta(pattern="^[A-Z0-9]{8}([A-Z0-9]{3})?$")] | None = None


class PayoutView(msgspec.Struct, frozen=True, kw_only=True):
    """Money on its way to a shop's bank account.

    Attributes:
        state: `waiting` for a file, `in_file`, `paid`, or `returned` to the wallet.
        reason: Why the bank returned it.
    """

    id: UUID
    batch: UUID
    bank: int
    bank_account: UUID
    currency: str
    amount_minor: int
    state: str
    reason: str | None
    created: Moment
    changed: Moment


class PayoutPage(msgspec.Struct, frozen=True):
    """Payouts, the latest first."""

    items: list[PayoutView]
    next_before: Moment | None


class PayoutsQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which payouts.

    Attributes:
        before: Made before this moment.
    """

    before: Moment | UnsetType = UNSET
    limit: PageSize = 50


class PayoutOutcome(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What became of a payout.

    Attributes:
        outcome: `paid`, or `returned`, also after it was paid.
        reason: Why it was returned.
    """

    outcome: Literal["paid", "returned"]
    reason: Text = "returned"


class PayoutFileView(msgspec.Struct, frozen=True, kw_only=True):
    """A file of payouts."""

    id: UUID
    bank: int
    currency: str
    day: date
    number: int
    payouts: int
    total_minor: int
    made: Moment


class PayoutFileList(msgspec.Struct, frozen=True):
    """Files, the latest first."""

    items: list[PayoutFileView]


class PayoutFilesQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which files.

    Attributes:
        since: Of this day and later.
    """

    since: date = date(1970, 1, 1)
    limit: PageSize = 50


_EXAMPLE_PAYOUT = {
    "id": EXAMPLE_IDS[2],
    "batch": EXAMPLE_IDS[4],
    "bank": 2,
    "bank_account": EXAMPLE_IDS[3],
    "currency": "CNY",
    "amount_minor": 14_910,
    "state": "in_file",
    "reason": None,
    "created": EXAMPLE_MOMENT,
    "changed": EXAMPLE_MOMENT,
}
_EXAMPLE_RECEIPT = {"id": EXAMPLE_IDS[2], "currency": "CNY", "amount_minor": 14_910, "state": "paid"}
_EXAMPLE_FILE = {
    "id": EXAMPLE_IDS[1],
    "bank": 2,
    "currency": "CNY",
    "day": "2026-09-21",
    "number": 1,
    "payouts": 12,
    "total_minor": 1_234_567,
    "made": EXAMPLE_MOMENT,
}
_EXAMPLE_BANK = {
    "institution": 2,
    "currency": "CNY",
    "calendar": "china",
    "holder": "Karez payments",
    "account": "6222021001129999",
}
_NEW_BANK: Body[PayoutBankToOpen] = Body(PayoutBankToOpen, _EXAMPLE_BANK)
_OUTCOME: Body[PayoutOutcome] = Body(PayoutOutcome, {"outcome": "paid"})
_PAYOUTS_QUERY = Query(PayoutsQuery)
_FILES_QUERY = Query(PayoutFilesQuery)


@post(
    "/v1/payout-banks",
    opt={
        KEY: Documentation(
            name="openPayoutBank",
            topic="Settlement",
            summary="Let shops be paid through a bank, as the operator",
            access=Permission.OPERATOR,
            body=_NEW_BANK,
            answers={
                201: Answer(
                    "Open, now or before",
                    PayoutBankReceipt,
                    {"bank": 2, "currency": "CNY", "calendar": "china", "first_day": "2026-09-22"},
                )
            },
            refusals=(
                *OPERATION_REFUSALS,
                "institution_not_found",
                "currency_not_open",
                "calendar_not_found",
                "calendar_closed",
                "bank_field_refused",
                "bank_account_malformed",
                "row_exists",
                "account_exists",
            ),
        )
    },
)
async def open_payout_bank(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Open payouts through a bank."""
    body = await _NEW_BANK.read(request)

    def read(conn: Connection) -> Calendar:
        if conn.execute("SELECT FROM institution WHERE number = %s", (body.institution,)).fetchone() is None:
            raise Rejected(
                "institution_not_found", f"There is no institution {body.institution}; list them to find it."
            )
        return find_calendar(conn, body.calendar)

    def decide(asking: Asking, house: House, calendar: Calendar) -> Operation:
        new = NewPayoutBank(
            body.institution, body.currency, calendar, body.holder, body.account, body.bic or ""
        )
        return open_payouts(asking, house, new)

    ask = asked(caller, None, f"payout.open_bank/{body.institution}", content_of(body), None)
    reply = await carry(services, ask, lambda: services.database.as_operator(read), decide)
    return to_response(Reply(201, reply))


@get(
    "/v1/payouts",
    opt={
        KEY: Documentation(
            name="listPayouts",
            topic="Settlement",
            summary="List the payouts of a shop, the latest first",
            access=Permission.PAYMENTS_READ,
            query=_PAYOUTS_QUERY,
            headers=(ACTING_FOR,),
            answers={200: Answer("A page", PayoutPage, {"items": [_EXAMPLE_PAYOUT], "next_before": None})},
            refusals=(*ACTING_REFUSALS, "moment_malformed"),
        )
    },
)
async def list_payouts(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Return a page of payouts."""
    query = _PAYOUTS_QUERY.read(request)
    shop = await party_of(services, caller, request)
    before = or_none(query.before)
    before_ns = _LATEST_NS if before is None else parse_moment(before)
    found = await services.database.as_party(
        shop, lambda conn: payouts_page(conn, shop, before_ns, query.limit)
    )
    next_before = format_moment(found[-1].created_ns) if len(found) == query.limit else None
    return json_reply(PayoutPage([_payout_view(each) for each in found], next_before))


@post(
    "/v1/payouts/{payout_id:uuid}/outcome",
    status_code=200,
    opt={
        KEY: Documentation(
            name="reportPayout",
            topic="Settlement",
            summary="Report what became of a payout, as the bank or the operator",
            access=Permission.PAYMENTS_WRITE,
            body=_OUTCOME,
            headers=(IDEMPOTENCY_KEY,),
            answers={200: Answer("Recorded, now or before", PayoutReceipt, _EXAMPLE_RECEIPT)},
            refusals=(
                *OPERATION_REFUSALS,
                "institution_needed",
                "payout_not_found",
                "payout_state_wrong",
                "payee_account_not_found",
            ),
        )
    },
)
async def report_payout(
    request: AnyRequest, payout_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Book a payout as paid, or give it back to who was to get it."""
    body = await _OUTCOME.read(request)
    # Shops and billers see their payouts, but it is the bank that knows what became of them.
    bank = None if caller.is_operator else caller.institution

    def decide(asking: Asking, house: House, payout: Payout) -> Operation:
        if body.outcome == "paid":
            return payouts.mark_paid(asking, house, payout)
        return payouts.mark_returned(asking, house, payout, body.reason)

    reply = await carry(
        services,
        asked(caller, None, f"payout.report/{payout_id}", content_of(body), key_of(request)),
        lambda: services.database.as_caller(caller, lambda conn: find_payout(conn, payout_id, bank)),
        decide,
    )
    return to_response(Reply(200, reply))


@get(
    "/v1/payout-files",
    opt={
        KEY: Documentation(
            name="listPayoutFiles",
            topic="Settlement",
            summary="List the files of payouts, as the bank or the operator",
            access=Permission.PAYMENTS_READ,
            query=_FILES_QUERY,
            answers={200: Answer("The latest first", PayoutFileList, {"items": [_EXAMPLE_FILE]})},
            refusals=("institution_needed",),
        )
    },
)
async def list_payout_files(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Return the files that the caller may fetch."""
    query = _FILES_QUERY.read(request)
    _ = caller.institution
    found = await services.database.as_caller(
        caller, lambda conn: files_since(conn, query.since, query.limit)
    )
    return json_reply(PayoutFileList([_file_view(each) for each in found]))


@get(
    "/v1/payout-files/{file_id:uuid}",
    opt={
        KEY: Documentation(
            name="readPayoutFile",
            topic="Settlement",
            summary="Fetch a file of payouts as ISO 20022 pain.001, as the bank or the operator",
            access=Permission.PAYMENTS_READ,
            answers={200: Answer("The same bytes each time", str, media_type="application/xml")},
            refusals=("institution_needed", "payout_file_not_found"),
        )
    },
)
async def read_payout_file(
    file_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Write the file; the accounts in it are opened for this answer alone."""
    _ = caller.institution
    content = await services.database.as_caller(
        caller, lambda conn: written_file(conn, services.sealer, file_id)
    )
    return to_response(Reply(200, content, content_type=_XML))


def _payout_view(payout: Payout) -> PayoutView:
    assert payout.batch is not None, "a shop's payout is of a batch"
    return PayoutView(
        id=payout.id,
        batch=payout.batch,
        bank=payout.bank,
        bank_account=payout.bank_account,
        currency=payout.currency,
        amount_minor=payout.amount_minor,
        state=payout.state,
        reason=payout.reason,
        created=format_moment(payout.created_ns),
        changed=format_moment(payout.changed_ns),
    )


def _file_view(file: PayoutFile) -> PayoutFileView:
    return PayoutFileView(
        id=file.id,
        bank=file.bank,
        currency=file.currency,
        day=file.day,
        number=file.number,
        payouts=file.payouts,
        total_minor=file.total_minor,
        made=format_moment(file.made_ns),
    )


HANDLERS = (
    open_payout_bank,
    list_payouts,
    report_payout,
    list_payout_files,
    read_payout_file,
)
