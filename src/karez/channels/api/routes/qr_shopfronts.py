"""What a shop's codes tell about it."""

from dataclasses import asdict
from typing import Annotated

import msgspec
from litestar import Response, get, put
from msgspec import Meta

from karez.channels.api.acting import ACTING_FOR, ACTING_REFUSALS, party_of
from karez.channels.api.asking import asked
from karez.channels.api.bodies import Body
from karez.channels.api.carrying import carry, content_of, needed_key
from karez.channels.api.documentation import KEY, Answer, Documentation
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.operations import NEEDED_KEY, OPERATION_REFUSALS
from karez.channels.api.replies import Reply, json_reply, to_response
from karez.parties.roles import Permission
from karez.services.payments.qr.emv import Shopfront
from karez.services.payments.qr.operations import show_front
from karez.services.payments.qr.records import find_front, needed_front

_FIELD_LENGTH_MAX = 1_000


def _text(description: str, example: str) -> Meta:
    return Meta(min_length=1, max_length=_FIELD_LENGTH_MAX, description=description, examples=[example])


class ShopfrontBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a shop shows of itself, in Latin letters and, if it likes, in the language of the place."""

    name: Annotated[str, _text("1 to 25 printable ASCII characters.", "TEA HOUSE")]
    city: Annotated[str, _text("1 to 15 printable ASCII characters.", "TURPAN")]
    country: Annotated[str, _text("Two letters of ISO 3166.", "CN")]
    category_code: Annotated[str, _text("Four digits of ISO 18245: the kind of shop.", "5812")]
    language: Annotated[str, _text("Two letters of ISO 639 for the next two.", "ZH")] | None = None
    local_name: Annotated[str, _text("1 to 25 characters of any writing.", "坎儿井茶馆")] | None = None
    local_city: Annotated[str, _text("1 to 15 characters of any writing.", "吐鲁番")] | None = None


EXAMPLE_FRONT = {
    "name": "TEA HOUSE",
    "city": "TURPAN",
    "country": "CN",
    "category_code": "5812",
    "language": "ZH",
    "local_name": "坎儿井茶馆",
    "local_city": "吐鲁番",
}
FRONT_REFUSALS = ("qr_field_malformed", "qr_too_long", "qr_mandatory_field_missing")
_FRONT: Body[ShopfrontBody] = Body(ShopfrontBody, EXAMPLE_FRONT)


def front_view(front: Shopfront) -> ShopfrontBody:
    """Return what is told of a shopfront."""
    return ShopfrontBody(**asdict(front))


@put(
    "/v1/shopfront",
    opt={
        KEY: Documentation(
            name="showShopfront",
            topic="QR codes",
            summary="Say what your codes tell about you, as the shop",
            description="Needed before the first code. Codes that hang already go on paying.",
            access=Permission.PAYMENTS_WRITE,
            body=_FRONT,
            headers=(ACTING_FOR, NEEDED_KEY),
            answers={200: Answer("Shown, now or before", ShopfrontBody, EXAMPLE_FRONT)},
            refusals=(*OPERATION_REFUSALS, *ACTING_REFUSALS, "idempotency_key_missing", *FRONT_REFUSALS),
        )
    },
)
async def put_shopfront(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Keep what a shop shows of itself."""
    body = await _FRONT.read(request)
    shop = await party_of(services, caller, request)
    front = Shopfront(**msgspec.structs.asdict(body))
    reply = await carry(
        services,
        asked(caller, shop, "qr.show_front", content_of(body), needed_key(request)),
        lambda: services.database.as_party(shop, lambda conn: find_front(conn, shop)),
        lambda asking, _, known: show_front(asking, shop, known, front),
    )
    return to_response(Reply(200, reply))


@get(
    "/v1/shopfront",
    opt={
        KEY: Documentation(
            name="readShopfront",
            topic="QR codes",
            summary="Read what your codes tell about you, as the shop",
            access=Permission.PAYMENTS_READ,
            headers=(ACTING_FOR,),
            answers={200: Answer("What they tell", ShopfrontBody, EXAMPLE_FRONT)},
            refusals=(*ACTING_REFUSALS, "shopfront_missing"),
        )
    },
)
async def read_shopfront(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Return what a shop shows of itself."""
    shop = await party_of(services, caller, request)
    shown = await services.database.as_party(shop, lambda conn: needed_front(conn, shop))
    return json_reply(front_view(shown.front))


HANDLERS = (put_shopfront, read_shopfront)
