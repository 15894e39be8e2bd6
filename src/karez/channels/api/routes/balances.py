"""Totals of accounts at any moment, of one or summed up by unit."""

from uuid import UUID

import msgspec
from litestar import Response, get
from litestar.params import FromPath
from msgspec import UNSET, UnsetType

from karez.channels.api.bodies import Query, or_none
from karez.channels.api.caller import Caller
from karez.channels.api.documentation import KEY, Answer, Documentation
from karez.channels.api.fields import (
    EXAMPLE_IDS,
    EXAMPLE_MOMENT,
    AccountId,
    InstitutionNumber,
    Moment,
    UnitNumber,
)
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.moments import format_moment, parse_moment
from karez.channels.api.replies import json_reply
from karez.channels.api.views import EXAMPLE_BALANCE, BalanceView, Total, account_not_found
from karez.ledger.balances import balance as balance_at
from karez.ledger.balances import trial_balance
from karez.ledger.questions import ask
from karez.parties.roles import Permission


class BalanceAt(msgspec.Struct, frozen=True, kw_only=True):
    """The totals of an account at a moment, with everything that happened at it."""

    account_id: AccountId
    at: Moment
    balance: BalanceView


class BalanceQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """At which moment; left out, now."""

    at: Moment | UnsetType = UNSET


class TrialBalanceLineView(msgspec.Struct, frozen=True, kw_only=True):
    """One unit's totals over the accounts."""

    ledger: UnitNumber
    debits_pending: Total
    debits_posted: Total
    credits_pending: Total
    credits_posted: Total


class TrialBalanceView(msgspec.Struct, frozen=True, kw_only=True):
    """The totals of all accounts at a moment, by unit; units never used are left out.

    Attributes:
        institution: Whose accounts; null for those of all institutions together.
    """

    at: Moment
    institution: InstitutionNumber | None
    lines: list[TrialBalanceLineView]


class TrialBalanceQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which totals.

    Attributes:
        at: At which moment; left out, now.
        unit: Only this unit.
        institution: Left out, your own, for the operator all; only the operator may name another.
    """

    at: Moment | UnsetType = UNSET
    unit: UnitNumber | UnsetType = UNSET
    institution: InstitutionNumber | UnsetType = UNSET


_BALANCE_QUERY = Query(BalanceQuery)
_TRIAL_BALANCE_QUERY = Query(TrialBalanceQuery)
_EXAMPLE_LINE = {"ledger": 1, **EXAMPLE_BALANCE}


@get(
    "/v1/accounts/{account_id:uuid}/balance",
    opt={
        KEY: Documentation(
            name="readBalance",
            topic="Accounts",
            summary="Read the totals of an account at a moment",
            access=Permission.LEDGER_READ,
            query=_BALANCE_QUERY,
            answers={
                200: Answer(
                    "The totals",
                    BalanceAt,
                    {"account_id": EXAMPLE_IDS[2], "at": EXAMPLE_MOMENT, "balance": EXAMPLE_BALANCE},
                )
            },
            refusals=("account_not_found", "moment_malformed"),
        )
    },
)
async def read_balance(
    request: AnyRequest, account_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Return the totals of one account at a moment."""
    at = _BALANCE_QUERY.read(request).at
    at_ns = services.clock.now_ns() if at is UNSET else parse_moment(at)
    totals = await services.database.as_caller(caller, lambda conn: ask(conn, balance_at(account_id, at_ns)))
    if totals is None:
        raise account_not_found(account_id)
    return json_reply(
        BalanceAt(account_id=account_id, at=format_moment(at_ns), balance=BalanceView.of(totals))
    )


@get(
    "/v1/trial-balance",
    opt={
        KEY: Documentation(
            name="readTrialBalance",
            topic="Accounts",
            summary="Read the totals of all your accounts at a moment, by unit",
            access=Permission.LEDGER_READ,
            query=_TRIAL_BALANCE_QUERY,
            answers={
                200: Answer(
                    "The totals",
                    TrialBalanceView,
                    {"at": EXAMPLE_MOMENT, "institution": 2, "lines": [_EXAMPLE_LINE]},
                )
            },
            refusals=("moment_malformed", "institution_needed", "institution_not_yours"),
        )
    },
)
async def read_trial_balance(
    request: AnyRequest, caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Return the totals of all accounts."""
    query = _TRIAL_BALANCE_QUERY.read(request)
    at_ns = services.clock.now_ns() if query.at is UNSET else parse_moment(query.at)
    institution = _whose(caller, or_none(query.institution))
    lines = await services.database.as_caller(
        caller, lambda conn: ask(conn, trial_balance(at_ns, institution))
    )
    return json_reply(
        TrialBalanceView(
            at=format_moment(at_ns),
            institution=institution,
            lines=[
                TrialBalanceLineView(**msgspec.structs.asdict(line))
                for line in lines
                if query.unit in (UNSET, line.ledger)
            ],
        )
    )


def _whose(caller: Caller, wanted: int | None) -> int | None:
    if wanted is None and caller.is_operator:
        return None
    return caller.choose_institution(wanted)


HANDLERS = (read_balance, read_trial_balance)
