"""Payouts of billers: the bank account that is agreed with them, where they stand, and what they were paid."""

from datetime import date
from uuid import UUID

import msgspec
from litestar import Response, get, put
from litestar.params import FromPath
from msgspec import UNSET, UnsetType

from karez.channels.api.asking import asked
from karez.channels.api.bodies import Body, Query, or_none
from karez.channels.api.caller_database import Connection
from karez.channels.api.carrying import carry, content_of, needed_key
from karez.channels.api.documentation import KEY, Answer, Documentation
from karez.channels.api.fields import EXAMPLE_IDS, EXAMPLE_MOMENT, InstitutionNumber, Moment
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.moments import format_moment, parse_moment
from karez.channels.api.operations import NEEDED_KEY, OPERATION_REFUSALS
from karez.channels.api.replies import Reply, json_reply, to_response
from karez.channels.api.routes.bank_accounts import BankAccountToRegister
from karez.channels.api.routes.fee_plans import CalendarName
from karez.channels.api.routes.payouts import PayoutsQuery
from karez.core.calendars import Calendar
from karez.core.outcomes import Rejected
from karez.parties.roles import Permission
from karez.services.payments.bills.registering import check_biller
from karez.services.payments.settlement.agreed_calendars import find_calendar
from karez.services.payments.settlement.bank_accounts import (
    BankAccount,
    NewBankAccount,
    bank_accounts_by_id,
    masked,
)
from karez.services.payments.settlement.biller_records import BillerAccount, biller_accounts
from karez.services.payments.settlement.billers import BillerAccountReceipt, agree_on_account
from karez.services.payments.settlement.payout_banks import find_payout_bank
from karez.services.payments.settlement.payouts import Payout, biller_payouts_page

_LATEST_NS = 2**63 - 1


class BillerBankAccount(BankAccountToRegister, kw_only=True, forbid_unknown_fields=True):
    """The bank account to which a biller's money goes.

    Attributes:
        institution: The biller; left out, the caller. The operator may name another.
        calendar: Whose business days count; of the first account, later ones leave it as it is.
    """

    institution: InstitutionNumber | UnsetType = UNSET
    calendar: CalendarName = "weekdays"


class BillerAccountView(msgspec.Struct, frozen=True, kw_only=True):
    """Where a biller stands in one currency.

    Attributes:
        bank_account: Where its money goes.
        number: Of that account, its end.
        next_day: On which it is paid next.
        settled_until: What happened before is in a payout or carried.
        carried_minor: What it owes from the last day, at most 0.
    """

    currency: str
    calendar: str
    bank: int
    bank_account: UUID
    number: str
    next_day: date
    settled_until: Moment
    carried_minor: int


class BillerAccountList(msgspec.Struct, frozen=True):
    """Where a biller stands in each currency."""

    items: list[BillerAccountView]


class BillerPayoutView(msgspec.Struct, frozen=True, kw_only=True):
    """Money on its way to a biller's bank account.

    Attributes:
        state: `waiting` for a file, `in_file`, `paid`, or `returned` and part of the next payout.
        reason: Why the bank returned it.
    """

    id: UUID
    bank: int
    bank_account: UUID
    currency: str
    amount_minor: int
    state: str
    reason: str | None
    created: Moment
    changed: Moment


class BillerPayoutPage(msgspec.Struct, frozen=True):
    """Payouts, the latest first."""

    items: list[BillerPayoutView]
    next_before: Moment | None


_EXAMPLE_ACCOUNT = {
    "currency": "CNY",
    "calendar": "china",
    "bank": 2,
    "bank_account": EXAMPLE_IDS[3],
    "number": "**** 1234",
    "next_day": "2026-09-22",
    "settled_until": EXAMPLE_MOMENT,
    "carried_minor": 0,
}
_EXAMPLE_PAYOUT = {
    "id": EXAMPLE_IDS[2],
    "bank": 2,
    "bank_account": EXAMPLE_IDS[3],
    "currency": "CNY",
    "amount_minor": 17_280,
    "state": "in_file",
    "reason": None,
    "created": EXAMPLE_MOMENT,
    "changed": EXAMPLE_MOMENT,
}
_EXAMPLE_RECEIPT = {
    "currency": "CNY",
    "bank": 2,
    "number": "**** 1234",
    "bic": "",
    "next_day": "2026-09-22",
}
_NEW: Body[BillerBankAccount] = Body(
    BillerBankAccount,
    {"bank": 2, "holder": "Turfan Water", "number": "6222 0210 0112 1234", "calendar": "china"},
)
_PAGE = Query(PayoutsQuery)


@put(
    "/v1/biller-accounts/{currency:str}",
    opt={
        KEY: Documentation(
            name="agreeOnBillerAccount",
            topic="Bills",
            summary="Agree on the bank account to which a biller's money goes, as the biller or the operator",
            access=Permission.PAYMENTS_WRITE,
            body=_NEW,
            headers=(NEEDED_KEY,),
            answers={200: Answer("Agreed", BillerAccountReceipt, _EXAMPLE_RECEIPT)},
            refusals=(
                *OPERATION_REFUSALS,
                "idempotency_key_missing",
                "institution_needed",
                "institution_not_yours",
                "institution_not_found",
                "biller_needed",
                "currency_not_open",
                "calendar_not_found",
                "calendar_closed",
                "payout_bank_not_found",
                "bank_account_malformed",
                "bank_field_refused",
            ),
        )
    },
)
async def agree_on_biller_account(
    request: AnyRequest, currency: FromPath[str], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Seal and keep the account; the next payout goes there."""
    body = await _NEW.read(request)
    biller = caller.choose_institution(or_none(body.institution))
    new = NewBankAccount(body.bank, body.holder, body.number, body.bic or "")

    def read(conn: Connection) -> tuple[Calendar, BillerAccount | None]:
        row = conn.execute("SELECT kind FROM institution WHERE number = %s", (biller,)).fetchone()
        if row is None:
            raise Rejected(
                "institution_not_found", f"There is no institution {biller}; list them to find it."
            )
        check_biller(row[0])
        find_payout_bank(conn, body.bank, currency)
        kept = [each for each in biller_accounts(conn, biller) if each.currency == currency]
        return find_calendar(conn, body.calendar), kept[0] if kept else None

    reply = await carry(
        services,
        asked(
            caller,
            None,
            f"biller.agree_on_account/{biller}/{currency}",
            content_of(body),
            needed_key(request),
        ),
        lambda: services.database.as_operator(read),
        lambda asking, house, facts: agree_on_account(
            asking, house, services.sealer, biller, currency, *facts, new
        ),
    )
    return to_response(Reply(200, reply))


@get(
    "/v1/biller-accounts",
    opt={
        KEY: Documentation(
            name="listBillerAccounts",
            topic="Bills",
            summary="Read where the biller stands",
            access=Permission.PAYMENTS_READ,
            answers={200: Answer("Each currency", BillerAccountList, {"items": [_EXAMPLE_ACCOUNT]})},
            refusals=("institution_needed",),
        )
    },
)
async def list_biller_accounts(caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Return where the biller stands in each currency."""
    biller = caller.institution

    def read(conn: Connection) -> list[BillerAccountView]:
        found = biller_accounts(conn, biller)
        known = bank_accounts_by_id(conn, [each.bank_account for each in found])
        return [_account_view(each, known[each.bank_account]) for each in found]

    return json_reply(BillerAccountList(await services.database.as_caller(caller, read)))


@get(
    "/v1/biller-payouts",
    opt={
        KEY: Documentation(
            name="listBillerPayouts",
            topic="Bills",
            summary="List the payouts of the biller, the latest first",
            access=Permission.PAYMENTS_READ,
            query=_PAGE,
            answers={
                200: Answer("A page", BillerPayoutPage, {"items": [_EXAMPLE_PAYOUT], "next_before": None})
            },
            refusals=("institution_needed", "moment_malformed"),
        )
    },
)
async def list_biller_payouts(
    request: AnyRequest, caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Return a page of payouts."""
    query = _PAGE.read(request)
    biller = caller.institution
    before = or_none(query.before)
    before_ns = _LATEST_NS if before is None else parse_moment(before)
    found = await services.database.as_caller(
        caller, lambda conn: biller_payouts_page(conn, biller, before_ns, query.limit)
    )
    next_before = format_moment(found[-1].created_ns) if len(found) == query.limit else None
    return json_reply(BillerPayoutPage([_payout_view(each) for each in found], next_before))


def _account_view(account: BillerAccount, bank_account: BankAccount) -> BillerAccountView:
    return BillerAccountView(
        currency=account.currency,
        calendar=account.calendar,
        bank=account.bank,
        bank_account=bank_account.id,
        number=masked(bank_account.number_end),
        next_day=account.day,
        settled_until=format_moment(account.settled_until_ns),
        carried_minor=account.carried_minor,
    )


def _payout_view(payout: Payout) -> BillerPayoutView:
    return BillerPayoutView(
        id=payout.id,
        bank=payout.bank,
        bank_account=payout.bank_account,
        currency=payout.currency,
        amount_minor=payout.amount_minor,
        state=payout.state,
        reason=payout.reason,
        created=format_moment(payout.created_ns),
        changed=format_moment(payout.changed_ns),
    )


HANDLERS = (agree_on_biller_account, list_biller_accounts, list_biller_payouts)
