"""Stickers of shops, on which the payer types the amount: making, reading, drawing and withdrawing them."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from msgspec import UNSET, Meta, UnsetType

from karez.channels.api.acting import ACTING_FOR, ACTING_REFUSALS, party_of
from karez.channels.api.asking import asked
from karez.channels.api.bodies import Body, Query, or_none
from karez.channels.api.caller_database import Connection
from karez.channels.api.carrying import carry, content_of, key_of, needed_key
from karez.channels.api.code_pictures import PICTURE_ANSWER, PICTURE_QUERY, picture_reply
from karez.channels.api.documentation import KEY, Answer, Documentation, Link
from karez.channels.api.fields import (
    EXAMPLE_IDS,
    EXAMPLE_MOMENT,
    CurrencyCode,
    Moment,
    PageSize,
    PartyId,
)
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.moments import format_moment, parse_moment
from karez.channels.api.operations import IDEMPOTENCY_KEY, NEEDED_KEY, OPERATION_REFUSALS
from karez.channels.api.replies import Reply, json_reply, to_response
from karez.core.money import currency_exponent
from karez.parties.roles import Permission
from karez.services.payments.qr import operations
from karez.services.payments.qr.emv import Shopfront
from karez.services.payments.qr.karez_codes import code_of_shop
from karez.services.payments.qr.operations import ShopCodeReceipt
from karez.services.payments.qr.records import (
    ShopCode,
    ShownFront,
    find_own_code,
    needed_front,
    shop_codes,
)
from karez.services.payments.qr.rules import check_hanging, check_sells
from karez.services.payments.wallets.records import find_wallet

Label = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=1_000,
        description="Where it hangs: 1 to 25 printable ASCII characters.",
        examples=["till 2"],
    ),
]


class NewShopCode(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A sticker to make."""

    currency: CurrencyCode
    label: Label


class ShopCodeView(msgspec.Struct, frozen=True, kw_only=True):
    """A sticker.

    Attributes:
        label: Where it hangs.
        state: `open` or `withdrawn`.
        text: What is drawn.
    """

    id: UUID
    shop: PartyId
    currency: str
    label: str
    state: str
    made: Moment
    text: str


class ShopCodePage(msgspec.Struct, frozen=True):
    """Stickers, the latest first."""

    items: list[ShopCodeView]
    next_before: Moment | None


class ShopCodesQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which stickers.

    Attributes:
        before: Made before this moment.
    """

    before: Moment | UnsetType = UNSET
    limit: PageSize = 50


EXAMPLE_TEXT = (
    "00020101021126720032c1804aaf4e334a5083003c5bff511dc3013201997f3e6c1070008000000000000005"
    "5204581253031565802CN5909TEA HOUSE6006TURPAN62100706till 2630473AB"
)
_EXAMPLE_RECEIPT = {
    "id": EXAMPLE_IDS[5],
    "shop": EXAMPLE_IDS[6],
    "currency": "CNY",
    "label": "till 2",
    "state": "open",
}
_EXAMPLE = {**_EXAMPLE_RECEIPT, "made": EXAMPLE_MOMENT, "text": EXAMPLE_TEXT}
_NEW: Body[NewShopCode] = Body(NewShopCode, {"currency": "CNY", "label": "till 2"})
_QUERY = Query(ShopCodesQuery)
_NEEDS_FRONT = (*ACTING_REFUSALS, "shopfront_missing")


@post(
    "/v1/shop-codes",
    opt={
        KEY: Documentation(
            name="createShopCode",
            topic="QR codes",
            summary="Make a code to hang up, as the shop: the payer types the amount",
            access=Permission.PAYMENTS_WRITE,
            body=_NEW,
            headers=(ACTING_FOR, NEEDED_KEY),
            answers={
                201: Answer(
                    "Made, now or before",
                    ShopCodeReceipt,
                    _EXAMPLE_RECEIPT,
                    (Link("code", "readShopCode", {"shop_code_id": "$response.body#/id"}),),
                )
            },
            refusals=(
                *OPERATION_REFUSALS,
                *_NEEDS_FRONT,
                "idempotency_key_missing",
                "currency_unknown",
                "currency_not_open",
                "wallet_not_found",
                "shop_needed",
                "qr_field_malformed",
                "qr_too_long",
            ),
        )
    },
)
async def create_shop_code(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Make a sticker."""
    body = await _NEW.read(request)
    shop = await party_of(services, caller, request)
    currency_exponent(body.currency)

    def read(conn: Connection) -> ShownFront:
        check_sells(find_wallet(conn, shop, body.currency))
        return needed_front(conn, shop)

    reply = await carry(
        services,
        asked(caller, shop, "qr.make_shop_code", content_of(body), needed_key(request)),
        lambda: services.database.as_party(shop, read),
        lambda asking, house, front: operations.make_shop_code(
            asking, house, front, body.currency, body.label
        ),
    )
    return to_response(Reply(201, reply))


@get(
    "/v1/shop-codes",
    opt={
        KEY: Documentation(
            name="listShopCodes",
            topic="QR codes",
            summary="List your codes, as the shop, the latest first",
            access=Permission.PAYMENTS_READ,
            query=_QUERY,
            headers=(ACTING_FOR,),
            answers={200: Answer("A page", ShopCodePage, {"items": [_EXAMPLE], "next_before": None})},
            refusals=(*_NEEDS_FRONT, "moment_malformed"),
        )
    },
)
async def list_shop_codes(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Return a page of stickers."""
    query = _QUERY.read(request)
    shop = await party_of(services, caller, request)
    before = or_none(query.before)
    before_ns = None if before is None else parse_moment(before)

    def read(conn: Connection) -> tuple[list[ShopCode], ShownFront | None]:
        found = shop_codes(conn, shop, before_ns, query.limit)
        return found, needed_front(conn, shop) if found else None

    found, front = await services.database.as_party(shop, read)
    views = [] if front is None else [_view(each, front.front) for each in found]
    next_before = format_moment(found[-1].made_ns) if len(found) == query.limit else None
    return json_reply(ShopCodePage(views, next_before))


@get(
    "/v1/shop-codes/{shop_code_id:uuid}",
    opt={
        KEY: Documentation(
            name="readShopCode",
            topic="QR codes",
            summary="Read a code with its text, as its shop",
            access=Permission.PAYMENTS_READ,
            headers=(ACTING_FOR,),
            answers={200: Answer("The code", ShopCodeView, _EXAMPLE)},
            refusals=(*_NEEDS_FRONT, "shop_code_unknown"),
        )
    },
)
async def read_shop_code(
    request: AnyRequest, shop_code_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Return a sticker."""
    shop = await party_of(services, caller, request)
    code, front = await services.database.as_party(shop, lambda conn: _read(conn, shop_code_id, shop))
    return json_reply(_view(code, front))


@get(
    "/v1/shop-codes/{shop_code_id:uuid}/picture",
    opt={
        KEY: Documentation(
            name="drawShopCode",
            topic="QR codes",
            summary="Draw a code to print it, as its shop",
            access=Permission.PAYMENTS_READ,
            query=PICTURE_QUERY,
            headers=(ACTING_FOR,),
            answers={200: PICTURE_ANSWER},
            refusals=(*_NEEDS_FRONT, "shop_code_unknown", "shop_code_withdrawn"),
        )
    },
)
async def draw_shop_code(
    request: AnyRequest, shop_code_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Draw a sticker that still pays."""
    query = PICTURE_QUERY.read(request)
    shop = await party_of(services, caller, request)
    code, front = await services.database.as_party(shop, lambda conn: _read(conn, shop_code_id, shop))
    check_hanging(code)
    title = f"{front.local_name or front.name} ({code.label})"
    return picture_reply(_view(code, front).text, title, query)


@post(
    "/v1/shop-codes/{shop_code_id:uuid}/withdraw",
    status_code=200,
    opt={
        KEY: Documentation(
            name="withdrawShopCode",
            topic="QR codes",
            summary="Withdraw a code, as its shop: it pays nobody any more",
            access=Permission.PAYMENTS_WRITE,
            headers=(ACTING_FOR, IDEMPOTENCY_KEY),
            answers={
                200: Answer(
                    "Withdrawn, now or before", ShopCodeReceipt, {**_EXAMPLE_RECEIPT, "state": "withdrawn"}
                )
            },
            refusals=(*OPERATION_REFUSALS, *ACTING_REFUSALS, "shop_code_unknown", "shop_code_withdrawn"),
        )
    },
)
async def withdraw_shop_code(
    request: AnyRequest, shop_code_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Withdraw a sticker."""
    shop = await party_of(services, caller, request)
    reply = await carry(
        services,
        asked(caller, shop, f"qr.withdraw_shop_code/{shop_code_id}", b"", key_of(request)),
        lambda: services.database.as_party(shop, lambda conn: find_own_code(conn, shop_code_id, shop)),
        lambda asking, _, code: operations.withdraw_shop_code(asking, code, shop),
    )
    return to_response(Reply(200, reply))


def _read(conn: Connection, code: UUID, shop: UUID) -> tuple[ShopCode, Shopfront]:
    return find_own_code(conn, code, shop), needed_front(conn, shop).front


def _view(code: ShopCode, front: Shopfront) -> ShopCodeView:
    return ShopCodeView(
        id=code.id,
        shop=code.shop,
        currency=code.currency,
        label=code.label,
        state=code.state,
        made=format_moment(code.made_ns),
        text=code_of_shop(code.id, front, code.currency, code.label).text(),
    )


HANDLERS = (create_shop_code, list_shop_codes, read_shop_code, draw_shop_code, withdraw_shop_code)
