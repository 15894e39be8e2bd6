"""Holds: reserving money for a shop, capturing and releasing it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from msgspec import UNSET, Meta, UnsetType

from karez.channels.api.acting import ACTING_FOR, ACTING_REFUSALS, party_of
from karez.channels.api.asking import asked
from karez.channels.api.bodies import Body, Query
from karez.channels.api.caller_database import Connection
from karez.channels.api.carrying import carry, content_of, key_of
from karez.channels.api.devices import DEVICE_ID, device_of
from karez.channels.api.documentation import KEY, Answer, Documentation, Link
from karez.channels.api.fields import (
    EXAMPLE_IDS,
    EXAMPLE_MOMENT,
    CurrencyCode,
    Moment,
    MoneyAmount,
    NewId,
    PageSize,
    PartyId,
    Reference,
    Text,
)
from karez.channels.api.fraud_guard import STOPPING_REFUSALS
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.moments import format_moment
from karez.channels.api.operations import IDEMPOTENCY_KEY, OPERATION_REFUSALS
from karez.channels.api.paging import read_page
from karez.channels.api.replies import Reply, json_reply, location, to_response
from karez.core.outcomes import Rejected
from karez.parties.roles import Permission
from karez.services.payments.holds import operations as holds
from karez.services.payments.holds.operations import (
    CaptureReceipt,
    Capturing,
    HoldReceipt,
    Placing,
    hold_expired,
)
from karez.services.payments.holds.records import Hold, find_hold, holds_page
from karez.services.payments.trades.direct import is_reference_used
from karez.services.payments.wallets.records import find_wallet

ExpirySeconds = Annotated[
    int,
    Meta(
        ge=60,
        le=30 * 86_400,
        description="After how many seconds the money is free by itself, 30 days at most.",
        examples=[604_800],
    ),
]


class NewHold(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Money to reserve for a shop.

    Attributes:
        id: Your own new id; it makes retries safe.
        reference: What shop and payer know it by, such as a booking.
    """

    id: NewId
    shop: PartyId
    reference: Reference | None = None
    title: Text
    currency: CurrencyCode
    amount_minor: MoneyAmount
    expires_in_s: ExpirySeconds = 7 * 86_400


class NewCapture(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a shop takes of a hold.

    Attributes:
        reference: The shop's own name for the trade that it becomes; it makes retries safe.
        final: Whether the rest is free with it; otherwise it stays reserved.
    """

    reference: Reference
    amount_minor: MoneyAmount
    final: bool = True


class HoldView(msgspec.Struct, frozen=True, kw_only=True):
    """A hold.

    Attributes:
        state: `held`, `captured`, `released` or `expired`.
        held_minor: What is still reserved.
        captured_minor: What the shop has taken.
        expires: When the money is free by itself.
    """

    id: UUID
    payer: PartyId
    shop: PartyId
    reference: str | None
    title: str
    currency: str
    amount_minor: int
    held_minor: int
    captured_minor: int
    state: str
    expires: Moment | None
    placed: Moment
    ended: Moment | None


class HoldPage(msgspec.Struct, frozen=True):
    """Holds, the latest first."""

    items: list[HoldView]
    next_before: Moment | None


class HoldsQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which holds.

    Attributes:
        side: `placed` on the party's own money, or `received` as the shop.
        before: Placed before this moment.
    """

    side: Literal["placed", "received"] = "placed"
    before: Moment | UnsetType = UNSET
    limit: PageSize = 50


_EXAMPLE_NEW = {
    "id": EXAMPLE_IDS[7],
    "shop": EXAMPLE_IDS[4],
    "reference": "booking-81",
    "title": "Deposit for room 12",
    "currency": "CNY",
    "amount_minor": 100_000,
    "expires_in_s": 604_800,
}
_EXAMPLE_RECEIPT = {
    "id": EXAMPLE_IDS[5],
    "state": "held",
    "currency": "CNY",
    "amount_minor": 100_000,
    "held_minor": 100_000,
    "captured_minor": 0,
}
_EXAMPLE_CAPTURE = {
    "trade": EXAMPLE_IDS[3],
    "amount_minor": 30_000,
    "hold": {**_EXAMPLE_RECEIPT, "held_minor": 70_000, "captured_minor": 30_000},
}
_EXAMPLE = {
    **_EXAMPLE_RECEIPT,
    "payer": EXAMPLE_IDS[6],
    "shop": EXAMPLE_IDS[4],
    "reference": "booking-81",
    "title": "Deposit for room 12",
    "expires": EXAMPLE_MOMENT,
    "placed": EXAMPLE_MOMENT,
    "ended": None,
}
_NEW: Body[NewHold] = Body(NewHold, _EXAMPLE_NEW)
_CAPTURE: Body[NewCapture] = Body(
    NewCapture, {"reference": "room-12-night-1", "amount_minor": 30_000, "final": False}
)
_QUERY = Query(HoldsQuery)
_ACTION_REFUSALS = (
    *OPERATION_REFUSALS,
    *ACTING_REFUSALS,
    "hold_not_found",
    "hold_not_yours",
    "hold_state_wrong",
    "hold_expired",
)


@post(
    "/v1/holds",
    opt={
        KEY: Documentation(
            name="placeHold",
            topic="Holds",
            summary="Reserve money of the balance for a shop, as the payer",
            access=Permission.PAYMENTS_WRITE,
            body=_NEW,
            headers=(ACTING_FOR, DEVICE_ID),
            answers={
                201: Answer(
                    "Reserved, now or before",
                    HoldReceipt,
                    _EXAMPLE_RECEIPT,
                    (Link("hold", "readHold", {"hold_id": "$response.body#/id"}),),
                )
            },
            refusals=(
                *OPERATION_REFUSALS,
                *ACTING_REFUSALS,
                *STOPPING_REFUSALS,
                "currency_not_open",
                "amount_too_large",
                "buyer_is_shop",
                "wallet_not_found",
                "wallet_frozen",
                "balance_too_low",
                "payment_limit_exceeded",
                "day_limit_exceeded",
                "payee_account_not_found",
            ),
        )
    },
)
async def place_hold(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Reserve money under the payer's own id."""
    body = await _NEW.read(request)
    payer = await party_of(services, caller, request)
    new = Placing(body.shop, body.reference, body.title, body.currency, body.amount_minor, body.expires_in_s)
    device = device_of(services, request)
    reply = await carry(
        services,
        asked(caller, payer, "hold.place", content_of(body), body.id),
        lambda: services.database.as_party(payer, lambda conn: find_wallet(conn, payer, body.currency)),
        lambda asking, house, wallet: holds.place(asking, house, wallet, new),
        lambda asking, _: holds.placing_attempt(asking, payer, new, device),
    )
    placed = msgspec.json.decode(reply, type=HoldReceipt).id
    return to_response(Reply(201, reply, (location("/v1/holds", placed),)))


@post(
    "/v1/holds/{hold_id:uuid}/capture",
    status_code=200,
    opt={
        KEY: Documentation(
            name="captureHold",
            topic="Holds",
            summary="Take a part or all of what is held, as the shop",
            access=Permission.PAYMENTS_WRITE,
            body=_CAPTURE,
            headers=(ACTING_FOR, IDEMPOTENCY_KEY),
            answers={
                200: Answer(
                    "Taken, now or before: the trade that it became, and the hold after it",
                    CaptureReceipt,
                    _EXAMPLE_CAPTURE,
                )
            },
            refusals=(
                *_ACTION_REFUSALS,
                "amount_too_large",
                "capture_exceeds_hold",
                "reference_used",
                "currency_not_open",
            ),
        )
    },
)
async def capture_hold(
    request: AnyRequest, hold_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Capture under the shop's own reference."""
    body = await _CAPTURE.read(request)
    shop = await party_of(services, caller, request)
    wanted = Capturing(body.reference, body.amount_minor, body.final)

    def read(conn: Connection) -> tuple[Hold, bool]:
        return find_hold(conn, hold_id), is_reference_used(conn, shop, body.reference)

    with _expiry_told():
        reply = await carry(
            services,
            asked(caller, shop, f"hold.capture/{hold_id}", content_of(body), key_of(request)),
            lambda: services.database.as_party(shop, read),
            lambda asking, house, facts: holds.capture(asking, house, *facts, shop, wanted),
        )
    return to_response(Reply(200, reply))


@post(
    "/v1/holds/{hold_id:uuid}/release",
    status_code=200,
    opt={
        KEY: Documentation(
            name="releaseHold",
            topic="Holds",
            summary="Let the payer have back what is still held, as the shop",
            access=Permission.PAYMENTS_WRITE,
            headers=(ACTING_FOR, IDEMPOTENCY_KEY),
            answers={
                200: Answer(
                    "Released, now or before",
                    HoldReceipt,
                    {**_EXAMPLE_RECEIPT, "state": "released", "held_minor": 0},
                )
            },
            refusals=_ACTION_REFUSALS,
        )
    },
)
async def release_hold(
    request: AnyRequest, hold_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Release a hold."""
    shop = await party_of(services, caller, request)
    with _expiry_told():
        reply = await carry(
            services,
            asked(caller, shop, f"hold.release/{hold_id}", b"", key_of(request)),
            lambda: services.database.as_party(shop, lambda conn: find_hold(conn, hold_id)),
            lambda asking, _, hold: holds.release(asking, hold, shop),
        )
    return to_response(Reply(200, reply))


@contextmanager
def _expiry_told() -> Iterator[None]:
    """Say in the words of holds what the book says of a reservation that ended a moment ago."""
    try:
        yield
    except Rejected as rejection:
        if rejection.code == "pending_transfer_expired":
            raise hold_expired() from None
        raise


@get(
    "/v1/holds/{hold_id:uuid}",
    opt={
        KEY: Documentation(
            name="readHold",
            topic="Holds",
            summary="Read a hold, as its payer or shop",
            access=Permission.PAYMENTS_READ,
            headers=(ACTING_FOR,),
            answers={200: Answer("The hold", HoldView, _EXAMPLE)},
            refusals=(*ACTING_REFUSALS, "hold_not_found"),
        )
    },
)
async def read_hold(
    request: AnyRequest, hold_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Return a hold."""
    party = await party_of(services, caller, request)
    return json_reply(_view(await services.database.as_party(party, lambda conn: find_hold(conn, hold_id))))


@get(
    "/v1/holds",
    opt={
        KEY: Documentation(
            name="listHolds",
            topic="Holds",
            summary="List the holds of a payer or shop, the latest first",
            access=Permission.PAYMENTS_READ,
            query=_QUERY,
            headers=(ACTING_FOR,),
            answers={200: Answer("A page", HoldPage, {"items": [_EXAMPLE], "next_before": None})},
            refusals=(*ACTING_REFUSALS, "moment_malformed"),
        )
    },
)
async def list_holds(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Return a page of holds."""
    query = _QUERY.read(request)
    party = await party_of(services, caller, request)
    found, next_before = await read_page(
        services,
        party,
        query,
        lambda conn, before_ns, limit: holds_page(conn, party, query.side, before_ns, limit),
        lambda each: each.placed_ns,
    )
    return json_reply(HoldPage([_view(each) for each in found], next_before))


def _view(hold: Hold) -> HoldView:
    return HoldView(
        id=hold.id,
        payer=hold.payer,
        shop=hold.shop,
        reference=hold.reference,
        title=hold.title,
        currency=hold.currency,
        amount_minor=hold.amount_minor,
        held_minor=hold.held_minor,
        captured_minor=hold.captured_minor,
        state=hold.state,
        expires=None if hold.due_ns is None else format_moment(hold.due_ns),
        placed=format_moment(hold.placed_ns),
        ended=None if hold.ended_ns is None else format_moment(hold.ended_ns),
    )


HANDLERS = (place_hold, capture_hold, release_hold, read_hold, list_holds)
