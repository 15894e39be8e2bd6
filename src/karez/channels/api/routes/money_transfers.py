"""Sending money to a person, and what was sent and received."""

from typing import Annotated, Literal
from uuid import UUID

import msgspec
from litestar import Response, get, post
from msgspec import UNSET, Meta, UnsetType

from karez.channels.api.acting import ACTING_FOR, ACTING_REFUSALS, party_of
from karez.channels.api.asking import asked
from karez.channels.api.bodies import Body, Query, invalid_field
from karez.channels.api.caller import Caller
from karez.channels.api.carrying import carry, content_of
from karez.channels.api.context import Services
from karez.channels.api.devices import DEVICE_ID, device_of
from karez.channels.api.documentation import KEY, Answer, Documentation
from karez.channels.api.fields import (
    EXAMPLE_IDS,
    EXAMPLE_MOMENT,
    CurrencyCode,
    Moment,
    MoneyAmount,
    NewId,
    PageSize,
    PartyId,
    PersonalText,
    Text,
)
from karez.channels.api.fraud_guard import STOPPING_REFUSALS
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.moments import format_moment
from karez.channels.api.naming_payees import payee_by_id, payee_known_by
from karez.channels.api.operations import OPERATION_REFUSALS
from karez.channels.api.paging import read_page
from karez.channels.api.replies import Reply, json_reply, to_response
from karez.parties.roles import Permission
from karez.services.payments.transfers import operations as transfers
from karez.services.payments.transfers.operations import MoneyTransferReceipt, Sending, payee_not_found
from karez.services.payments.transfers.records import MoneyTransfer, Payee, Side, transfers_page
from karez.services.payments.wallets.records import find_wallet

Phone = Annotated[PersonalText, Meta(description="International, in any spelling.")]
Email = Annotated[PersonalText, Meta(description="In any spelling.")]


class NewMoneyTransfer(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Money for a person; exactly one of `to`, `phone` and `email` names them.

    Attributes:
        id: Your own new id; it makes retries safe.
        note: What the payee is to read.
    """

    id: NewId
    to: PartyId | None = None
    phone: Phone | None = None
    email: Email | None = None
    currency: CurrencyCode
    amount_minor: MoneyAmount
    note: Text | None = None


class PayeeQuestion(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Whom a phone or an email belongs to; exactly one of the two."""

    phone: Phone | None = None
    email: Email | None = None
    currency: CurrencyCode


class PayeeAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who can be paid.

    Attributes:
        name: A part of the name, to see whether it is the right person.
    """

    name: str | None


class MoneyTransferView(msgspec.Struct, frozen=True, kw_only=True):
    """Money that was sent or received.

    Attributes:
        payer: Who sent it.
        payee: Who got it; hidden from a payer who knew a phone or an email only.
        payee_name: What the payer may see of the name then.
    """

    id: UUID
    payer: PartyId
    payee: PartyId | None
    payee_name: str | None
    currency: str
    amount_minor: int
    note: str | None
    made: Moment


class MoneyTransferPage(msgspec.Struct, frozen=True):
    """Transfers, the latest first."""

    items: list[MoneyTransferView]
    next_before: Moment | None


class MoneyTransfersQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which transfers.

    Attributes:
        side: `sent` or `received`.
        before: Made before this moment.
    """

    side: Literal["sent", "received"] = "sent"
    before: Moment | UnsetType = UNSET
    limit: PageSize = 50


_EXAMPLE_NEW = {
    "id": EXAMPLE_IDS[7],
    "phone": "+86 138 0013 8000",
    "currency": "CNY",
    "amount_minor": 5_000,
    "note": "For dinner",
}
_EXAMPLE_RECEIPT = {
    "id": EXAMPLE_IDS[5],
    "to": None,
    "payee_name": "*红",
    "currency": "CNY",
    "amount_minor": 5_000,
    "note": "For dinner",
}
_EXAMPLE = {
    "id": EXAMPLE_IDS[5],
    "payer": EXAMPLE_IDS[6],
    "payee": None,
    "payee_name": "*红",
    "currency": "CNY",
    "amount_minor": 5_000,
    "note": "For dinner",
    "made": EXAMPLE_MOMENT,
}
_NEW: Body[NewMoneyTransfer] = Body(NewMoneyTransfer, _EXAMPLE_NEW)
_QUESTION: Body[PayeeQuestion] = Body(PayeeQuestion, {"phone": "+86 138 0013 8000", "currency": "CNY"})
_QUERY = Query(MoneyTransfersQuery)
_NAMING_REFUSALS = ("payee_not_found", "phone_malformed", "email_malformed")


@post(
    "/v1/money-transfers",
    opt={
        KEY: Documentation(
            name="sendMoney",
            topic="Money transfers",
            summary="Send money from the balance to a person",
            access=Permission.PAYMENTS_WRITE,
            body=_NEW,
            headers=(ACTING_FOR, DEVICE_ID),
            answers={201: Answer("Sent, now or before", MoneyTransferReceipt, _EXAMPLE_RECEIPT)},
            refusals=(
                *OPERATION_REFUSALS,
                *ACTING_REFUSALS,
                *_NAMING_REFUSALS,
                *STOPPING_REFUSALS,
                "payee_is_payer",
                "currency_not_open",
                "amount_too_large",
                "wallet_not_found",
                "wallet_frozen",
                "balance_too_low",
                "payment_limit_exceeded",
                "day_limit_exceeded",
            ),
        )
    },
)
async def send_money(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Send money under the payer's own id."""
    body = await _NEW.read(request)
    payer = await party_of(services, caller, request)
    payee = await _payee(services, caller, body)
    sending = Sending(body.currency, body.amount_minor, body.note)
    device = device_of(services, request)
    reply = await carry(
        services,
        asked(caller, payer, "money_transfer.send", content_of(body), body.id),
        lambda: services.database.as_party(payer, lambda conn: find_wallet(conn, payer, body.currency)),
        lambda asking, house, wallet: transfers.send(asking, house, wallet, payee, sending),
        lambda asking, _: transfers.sending_attempt(asking, payer, payee, sending, device),
    )
    return to_response(Reply(201, reply))


async def _payee(services: Services, caller: Caller, body: NewMoneyTransfer) -> Payee | None:
    if body.to is None:
        return await payee_known_by(services, caller, body.phone, body.email, body.currency)
    if body.phone is not None or body.email is not None:
        raise invalid_field("to", "name exactly one of the ways to find somebody")
    return await payee_by_id(services, body.to, body.currency)


@post(
    "/v1/payees/find",
    status_code=200,
    opt={
        KEY: Documentation(
            name="findPayee",
            topic="Money transfers",
            summary="See a part of the name of whom a phone or email belongs to, before sending money",
            access=Permission.PAYMENTS_WRITE,
            body=_QUESTION,
            headers=(ACTING_FOR,),
            answers={200: Answer("Somebody who can be paid", PayeeAnswer, {"name": "*红"})},
            refusals=(*ACTING_REFUSALS, *_NAMING_REFUSALS),
        )
    },
)
async def find_payee(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Return a part of a name; who it belongs to finds the question in the access log."""
    body = await _QUESTION.read(request)
    await party_of(services, caller, request)
    payee = await payee_known_by(services, caller, body.phone, body.email, body.currency)
    if payee is None:
        raise payee_not_found(body.currency)
    return json_reply(PayeeAnswer(name=payee.masked_name))


@get(
    "/v1/money-transfers",
    opt={
        KEY: Documentation(
            name="listMoneyTransfers",
            topic="Money transfers",
            summary="List money that was sent or received, the latest first",
            access=Permission.PAYMENTS_READ,
            query=_QUERY,
            headers=(ACTING_FOR,),
            answers={200: Answer("A page", MoneyTransferPage, {"items": [_EXAMPLE], "next_before": None})},
            refusals=(*ACTING_REFUSALS, "moment_malformed"),
        )
    },
)
async def list_money_transfers(
    request: AnyRequest, caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Return a page of transfers."""
    query = _QUERY.read(request)
    party = await party_of(services, caller, request)
    found, next_before = await read_page(
        services,
        party,
        query,
        lambda conn, before_ns, limit: transfers_page(conn, party, query.side, before_ns, limit),
        lambda each: each.made_ns,
    )
    return json_reply(MoneyTransferPage([_view(each, query.side) for each in found], next_before))


def _view(transfer: MoneyTransfer, side: Side) -> MoneyTransferView:
    is_hidden = side == "sent" and transfer.named_by != "id"
    return MoneyTransferView(
        id=transfer.id,
        payer=transfer.payer,
        payee=None if is_hidden else transfer.payee,
        payee_name=transfer.payee_name if side == "sent" else None,
        currency=transfer.currency,
        amount_minor=transfer.amount_minor,
        note=transfer.note,
        made=format_moment(transfer.made_ns),
    )


HANDLERS = (send_money, find_payee, list_money_transfers)
