"""Settlement: where a shop stands in each currency, and where its money goes."""

from datetime import date
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, get, put
from litestar.params import FromPath
from msgspec import Meta

from karez.channels.api.acting import ACTING_FOR, ACTING_REFUSALS, party_of
from karez.channels.api.asking import asked
from karez.channels.api.bodies import Body
from karez.channels.api.caller_database import Connection
from karez.channels.api.carrying import carry, content_of, needed_key
from karez.channels.api.documentation import KEY, Answer, Documentation
from karez.channels.api.fields import EXAMPLE_IDS, EXAMPLE_MOMENT, Moment
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.moments import format_moment
from karez.channels.api.operations import NEEDED_KEY, OPERATION_REFUSALS
from karez.channels.api.replies import Reply, json_reply, to_response
from karez.parties.roles import Permission
from karez.services.payments.settlement.agreements import DestinationReceipt, direct
from karez.services.payments.settlement.bank_accounts import BankAccount, find_bank_account
from karez.services.payments.settlement.payout_banks import find_payout_bank
from karez.services.payments.settlement.records import (
    SettlementAccount,
    find_settlement_account,
    settlement_accounts,
)


class SettlementAccountView(msgspec.Struct, frozen=True, kw_only=True):
    """Where a shop stands in one currency.

    Attributes:
        bank_account: Where its money goes; left out, to its wallet.
        next_day: On which it is settled next.
        settled_until: What happened before is in a batch.
        carried_minor: What it owes from the last batch, at most 0.
    """

    currency: str
    calendar: str
    bank_account: UUID | None
    next_day: date
    settled_until: Moment
    carried_minor: int


class SettlementAccountList(msgspec.Struct, frozen=True):
    """Where a shop stands in each currency."""

    items: list[SettlementAccountView]


class Destination(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Where the money goes.

    Attributes:
        bank_account: A bank account of the shop; null is its wallet.
    """

    bank_account: Annotated[UUID, Meta(description="Id of a bank account of the shop.")] | None


_EXAMPLE_ACCOUNT = {
    "currency": "CNY",
    "calendar": "china",
    "bank_account": None,
    "next_day": "2026-09-22",
    "settled_until": EXAMPLE_MOMENT,
    "carried_minor": 0,
}
_DESTINATION: Body[Destination] = Body(Destination, {"bank_account": EXAMPLE_IDS[3]})


@get(
    "/v1/settlement-accounts",
    opt={
        KEY: Documentation(
            name="listSettlementAccounts",
            topic="Settlement",
            summary="Read where a shop stands",
            access=Permission.PAYMENTS_READ,
            headers=(ACTING_FOR,),
            answers={200: Answer("Each currency", SettlementAccountList, {"items": [_EXAMPLE_ACCOUNT]})},
            refusals=ACTING_REFUSALS,
        )
    },
)
async def list_settlement_accounts(
    request: AnyRequest, caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Return where the shop stands in each currency."""
    shop = await party_of(services, caller, request)
    found = await services.database.as_party(shop, lambda conn: settlement_accounts(conn, shop))
    return json_reply(SettlementAccountList([_account_view(each) for each in found]))


@put(
    "/v1/settlement-accounts/{currency:str}/destination",
    opt={
        KEY: Documentation(
            name="directSettlement",
            topic="Settlement",
            summary="Decide where the money of the next batches goes, as the shop",
            access=Permission.PAYMENTS_WRITE,
            body=_DESTINATION,
            headers=(ACTING_FOR, NEEDED_KEY),
            answers={
                200: Answer(
                    "Decided", DestinationReceipt, {"currency": "CNY", "bank_account": EXAMPLE_IDS[3]}
                )
            },
            refusals=(
                *OPERATION_REFUSALS,
                *ACTING_REFUSALS,
                "idempotency_key_missing",
                "settlement_account_not_found",
                "bank_account_not_found",
                "payout_bank_not_found",
            ),
        )
    },
)
async def direct_settlement(
    request: AnyRequest, currency: FromPath[str], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Direct the money of the next batches."""
    body = await _DESTINATION.read(request)
    shop = await party_of(services, caller, request)

    def read(conn: Connection) -> tuple[SettlementAccount, BankAccount | None]:
        account = find_settlement_account(conn, shop, currency)
        if body.bank_account is None:
            return account, None
        chosen = find_bank_account(conn, shop, body.bank_account)
        find_payout_bank(conn, chosen.bank, currency)
        return account, chosen

    reply = await carry(
        services,
        asked(caller, shop, f"settlement.direct/{currency}", content_of(body), needed_key(request)),
        lambda: services.database.as_party(shop, read),
        lambda asking, _, facts: direct(asking, *facts),
    )
    return to_response(Reply(200, reply))


def _account_view(account: SettlementAccount) -> SettlementAccountView:
    return SettlementAccountView(
        currency=account.currency,
        calendar=account.calendar,
        bank_account=account.bank_account,
        next_day=account.day,
        settled_until=format_moment(account.settled_until_ns),
        carried_minor=account.carried_minor,
    )


HANDLERS = (list_settlement_accounts, direct_settlement)
