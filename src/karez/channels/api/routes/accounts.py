"""Accounts: opening and reading them."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from msgspec import UNSET, Meta, UnsetType

from karez.channels.api import readings
from karez.channels.api.bodies import LARGE_SIZE_MAX_BYTES, Body, Query, or_none
from karez.channels.api.caller import Caller
from karez.channels.api.context import Services
from karez.channels.api.documentation import KEY, Answer, Documentation, Link
from karez.channels.api.fields import (
    EXAMPLE_IDS,
    EXAMPLE_MOMENT,
    AccountFlagBits,
    AccountId,
    Code,
    InstitutionNumber,
    NewId,
    PageSize,
    PartyId,
    UnitNumber,
    UserData,
)
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.operations import IDEMPOTENCY_KEY, OPERATION_REFUSALS, carry_out
from karez.channels.api.replies import json_reply, location
from karez.channels.api.views import EXAMPLE_BALANCE, AccountView, BalanceView, Cursor, account_not_found
from karez.core.outcomes import Rejected
from karez.ledger.model import NewAccount
from karez.parties import people
from karez.parties.roles import Permission

ACCOUNTS_MAX = 1_000


class NewAccountBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """An account to open.

    Attributes:
        institution: Left out, your own; only the operator may name another.
        party: The person or shop who will hold it; one that you may see.
    """

    id: NewId
    ledger: UnitNumber
    code: Code
    flags: AccountFlagBits = 0
    party: PartyId | None = None
    user_data: UserData = 0
    institution: InstitutionNumber | None = None


class OpenedAccount(msgspec.Struct, kw_only=True, frozen=True):
    """An account that was opened, by this request or an earlier one like it."""

    id: AccountId
    ledger: UnitNumber
    code: Code
    institution: InstitutionNumber
    flags: AccountFlagBits
    party: PartyId | None
    user_data: UserData


class AccountDetail(AccountView, frozen=True, kw_only=True):
    """An account with its present totals."""

    balance: BalanceView


class AccountsPage(msgspec.Struct, frozen=True, kw_only=True):
    """Accounts in the order of their ids."""

    items: list[AccountView]
    next_cursor: Cursor | None


class AccountsQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which accounts."""

    cursor: UUID | UnsetType = UNSET
    limit: PageSize = 100


_EXAMPLE_ACCOUNT = {"id": EXAMPLE_IDS[2], "ledger": 1, "code": 100, "flags": 2}
_EXAMPLE_OPENED = {**_EXAMPLE_ACCOUNT, "institution": 2, "party": None, "user_data": 0}
_EXAMPLE_DETAIL = {**_EXAMPLE_OPENED, "timestamp": EXAMPLE_MOMENT}

_NEW_ACCOUNTS: Body[NewAccountBody | list[NewAccountBody]] = Body(
    NewAccountBody | Annotated[list[NewAccountBody], Meta(min_length=1, max_length=ACCOUNTS_MAX)],
    _EXAMPLE_ACCOUNT,
    LARGE_SIZE_MAX_BYTES,
)
_ACCOUNTS_QUERY = Query(AccountsQuery)

_ACCOUNT_LINKS = tuple(
    Link(name, operation, {"account_id": "$response.body#/id"})
    for name, operation in (
        ("account", "readAccount"),
        ("balance", "readBalance"),
        ("statement", "readStatement"),
    )
)


@post(
    "/v1/accounts",
    request_max_body_size=LARGE_SIZE_MAX_BYTES,
    opt={
        KEY: Documentation(
            name="openAccounts",
            topic="Accounts",
            summary="Open an account, or up to 1,000 at once",
            description="All accounts of a request are opened, or none is. Sent again, the same request gets the "
            "same answer.",
            access=Permission.LEDGER_WRITE,
            body=_NEW_ACCOUNTS,
            headers=(IDEMPOTENCY_KEY,),
            answers={
                201: Answer(
                    "Opened: one object for one, a list for a list",
                    OpenedAccount | list[OpenedAccount],
                    _EXAMPLE_OPENED,
                    _ACCOUNT_LINKS,
                )
            },
            refusals=(
                *OPERATION_REFUSALS,
                "institution_needed",
                "institution_not_yours",
                "account_exists",
                "account_id_reserved",
                "account_flags_exclusive",
                "account_flags_unknown",
                "unit_not_found",
                "institution_not_found",
                "party_unknown",
            ),
        )
    },
)
async def open_accounts(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Open accounts as one operation."""
    body = await _NEW_ACCOUNTS.read(request)
    wanted = body if isinstance(body, list) else [body]
    accounts = tuple(_account(caller, each) for each in wanted)
    await _refuse_unknown_parties(services, caller, accounts)
    opened = [OpenedAccount(**msgspec.structs.asdict(account)) for account in accounts]
    return await carry_out(
        services,
        caller,
        request,
        "account.open",
        accounts[0].id,
        opened if isinstance(body, list) else opened[0],
        *(() if isinstance(body, list) else (location("/v1/accounts", accounts[0].id),)),
        accounts=accounts,
    )


def _account(caller: Caller, wanted: NewAccountBody) -> NewAccount:
    return NewAccount(
        id=wanted.id,
        ledger=wanted.ledger,
        code=wanted.code,
        institution=caller.choose_institution(wanted.institution),
        flags=wanted.flags,
        party=wanted.party,
        user_data=wanted.user_data,
    )


async def _refuse_unknown_parties(
    services: Services, caller: Caller, accounts: tuple[NewAccount, ...]
) -> None:
    """Whoever holds an account sees it, so an institution gives accounts only to those whom it knows."""
    parties = {account.party for account in accounts if account.party is not None}
    if not parties:
        return
    known = await services.database.as_caller(caller, lambda conn: people.known(conn, parties))
    for party in parties:
        if party not in known:
            raise Rejected(
                "party_unknown",
                f"There is no party {party} that you may see; look its id up again.",
                party=party,
            )


@get(
    "/v1/accounts",
    opt={
        KEY: Documentation(
            name="listAccounts",
            topic="Accounts",
            summary="List your accounts",
            access=Permission.LEDGER_READ,
            query=_ACCOUNTS_QUERY,
            answers={200: Answer("A page", AccountsPage, {"items": [_EXAMPLE_DETAIL], "next_cursor": None})},
        )
    },
)
async def list_accounts(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Return a page of accounts."""
    query = _ACCOUNTS_QUERY.read(request)
    found = await services.database.as_caller(
        caller, lambda conn: readings.accounts_page(conn, or_none(query.cursor), query.limit + 1)
    )
    items = found[: query.limit]
    next_cursor = str(items[-1].id) if len(found) > query.limit else None
    return json_reply(AccountsPage(items=items, next_cursor=next_cursor))


@get(
    "/v1/accounts/{account_id:uuid}",
    opt={
        KEY: Documentation(
            name="readAccount",
            topic="Accounts",
            summary="Read an account with its present totals",
            access=Permission.LEDGER_READ,
            answers={
                200: Answer("The account", AccountDetail, {**_EXAMPLE_DETAIL, "balance": EXAMPLE_BALANCE})
            },
            refusals=("account_not_found", "bookkeeper_unreachable"),
        )
    },
)
async def read_account(
    account_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Return one account."""
    account = await services.database.as_caller(caller, lambda conn: readings.find_account(conn, account_id))
    (totals,) = await services.book.balances([account_id]) if account else (None,)
    if account is None or totals is None:
        raise account_not_found(account_id)
    return json_reply(AccountDetail(**msgspec.structs.asdict(account), balance=BalanceView.of(totals)))


HANDLERS = (open_accounts, list_accounts, read_account)
