"""The statement of an account."""

from typing import Annotated, Literal
from uuid import UUID

import msgspec
from litestar import Response, get
from litestar.params import FromPath
from msgspec import UNSET, Meta, UnsetType

from karez.channels.api import readings
from karez.channels.api.bodies import Query, or_none
from karez.channels.api.documentation import KEY, Answer, Documentation
from karez.channels.api.fields import EXAMPLE_IDS, EXAMPLE_MOMENT, AccountId, Moment
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.moments import format_moment, parse_moment
from karez.channels.api.replies import json_reply
from karez.channels.api.views import EXAMPLE_BALANCE, BalanceView, Cursor, account_not_found
from karez.ledger.questions import ask
from karez.ledger.statements import PAGE_ENTRIES_MAX, Entry, statement_page
from karez.parties.roles import Permission


class EntryView(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a statement.

    Attributes:
        counterparty: The account on the other side.
        amount: Moved, reserved, posted of a reservation, or released by a void; the flags tell these apart.
        balance_after: The totals right after the transfer.
    """

    timestamp: Moment
    transfer_id: UUID
    operation_id: UUID | None
    counterparty: AccountId
    side: Literal["debit", "credit"]
    amount: Annotated[int, Meta(ge=0)]
    flags: Annotated[int, Meta(ge=0, le=2047)]
    code: Annotated[int, Meta(ge=0)]
    balance_after: BalanceView


class StatementView(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a statement, in the order asked for."""

    account_id: AccountId
    entries: list[EntryView]
    next_cursor: Cursor | None


class StatementQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which part of the statement.

    Attributes:
        first: Leave out what is earlier.
        last: Leave out what is later.
    """

    order: Literal["newest_first", "oldest_first"] = "newest_first"
    cursor: Annotated[str, Meta(max_length=64)] | UnsetType = UNSET
    limit: Annotated[int, Meta(ge=1, le=PAGE_ENTRIES_MAX, description="How many entries at most.")] = 50
    first: Moment | UnsetType = UNSET
    last: Moment | UnsetType = UNSET


_STATEMENT_QUERY = Query(StatementQuery)
_EXAMPLE_ENTRY = {
    "timestamp": EXAMPLE_MOMENT,
    "transfer_id": EXAMPLE_IDS[1],
    "operation_id": None,
    "counterparty": EXAMPLE_IDS[3],
    "side": "debit",
    "amount": 1250,
    "flags": 0,
    "code": 10,
    "balance_after": EXAMPLE_BALANCE,
}


@get(
    "/v1/accounts/{account_id:uuid}/statement",
    opt={
        KEY: Documentation(
            name="readStatement",
            topic="Accounts",
            summary="Read the statement of an account",
            access=Permission.LEDGER_READ,
            query=_STATEMENT_QUERY,
            answers={
                200: Answer(
                    "A page of entries",
                    StatementView,
                    {"account_id": EXAMPLE_IDS[2], "entries": [_EXAMPLE_ENTRY], "next_cursor": None},
                )
            },
            refusals=("account_not_found", "moment_malformed", "cursor_invalid"),
        )
    },
)
async def read_statement(
    request: AnyRequest, account_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Return a page of an account's statement."""
    query = _STATEMENT_QUERY.read(request)
    period = {}
    if query.first is not UNSET:
        period["first_ns"] = parse_moment(query.first)
    if query.last is not UNSET:
        period["last_ns"] = parse_moment(query.last)
    question = statement_page(
        account_id,
        newest_first=query.order == "newest_first",
        cursor=or_none(query.cursor),
        limit=query.limit,
        **period,
    )
    account, page = await services.database.as_caller(
        caller, lambda conn: (readings.find_account(conn, account_id), ask(conn, question))
    )
    if account is None:
        raise account_not_found(account_id)
    entries = [_entry(entry) for entry in page.entries]
    return json_reply(StatementView(account_id=account_id, entries=entries, next_cursor=page.next_cursor))


def _entry(entry: Entry) -> EntryView:
    return EntryView(
        timestamp=format_moment(entry.timestamp_ns),
        transfer_id=entry.transfer_id,
        operation_id=entry.operation_id,
        counterparty=entry.counterparty,
        side=entry.side,
        amount=entry.amount,
        flags=entry.flags,
        code=entry.code,
        balance_after=BalanceView.of(entry.balance_after),
    )


HANDLERS = (read_statement,)
