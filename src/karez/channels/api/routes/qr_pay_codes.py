"""One-time codes that a payer shows to a shop: making one, drawing it, and seeing what became of it."""

from typing import Literal
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from karez.channels.api.acting import ACTING_FOR, ACTING_REFUSALS, party_of
from karez.channels.api.asking import asked
from karez.channels.api.carrying import carry, needed_key, no_facts
from karez.channels.api.code_pictures import PICTURE_ANSWER, PICTURE_QUERY, picture_reply
from karez.channels.api.context import Services
from karez.channels.api.documentation import KEY, Answer, Documentation, Link
from karez.channels.api.fields import EXAMPLE_IDS, EXAMPLE_MOMENT, Moment
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.moments import format_moment
from karez.channels.api.operations import NEEDED_KEY, OPERATION_REFUSALS
from karez.channels.api.replies import json_reply
from karez.parties.roles import Permission
from karez.services.payments.qr.operations import PayCodeReceipt, make_pay_code
from karez.services.payments.qr.pay_codes import fingerprints, pay_code
from karez.services.payments.qr.records import PayCode, find_pay_code
from karez.services.payments.qr.rules import check_usable


class PayCodeView(msgspec.Struct, frozen=True, kw_only=True):
    """A code to show.

    Attributes:
        code: 18 digits; who sees them can charge you once.
    """

    id: UUID
    code: str
    expires: Moment


class PayCodeState(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a code.

    Attributes:
        state: `open`, `used` or `expired`.
        trade: What was paid with it.
    """

    id: UUID
    state: Literal["open", "used", "expired"]
    expires: Moment
    trade: UUID | None


_decode = msgspec.json.Decoder(PayCodeReceipt).decode


@post(
    "/v1/pay-codes",
    opt={
        KEY: Documentation(
            name="createPayCode",
            topic="QR codes",
            summary="Get a code to show at a till, as the payer: for one payment within 60 seconds",
            access=Permission.PAYMENTS_WRITE,
            headers=(ACTING_FOR, NEEDED_KEY),
            answers={
                201: Answer(
                    "Made, now or before",
                    PayCodeView,
                    {"id": EXAMPLE_IDS[5], "code": "281234567890123456", "expires": EXAMPLE_MOMENT},
                    (Link("code", "readPayCode", {"pay_code_id": "$response.body#/id"}),),
                )
            },
            refusals=(*OPERATION_REFUSALS, *ACTING_REFUSALS, "idempotency_key_missing"),
        )
    },
)
async def create_pay_code(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Make a one-time code; it derives from the request's id, and only a fingerprint of it is kept."""
    payer = await party_of(services, caller, request)
    sealer = services.pay_code_sealer
    ask = asked(caller, payer, "qr.make_pay_code", b"", needed_key(request))
    reply = await carry(
        services, ask, no_facts, lambda asking, _house, _facts: make_pay_code(asking, sealer, payer)
    )
    view = PayCodeView(
        id=ask.id, code=pay_code(sealer, ask.id), expires=format_moment(_decode(reply).expires_ns)
    )
    return json_reply(view, 201)


@get(
    "/v1/pay-codes/{pay_code_id:uuid}",
    opt={
        KEY: Documentation(
            name="readPayCode",
            topic="QR codes",
            summary="See whether your code was used, and for what",
            access=Permission.PAYMENTS_READ,
            headers=(ACTING_FOR,),
            answers={
                200: Answer(
                    "What became of it",
                    PayCodeState,
                    {
                        "id": EXAMPLE_IDS[5],
                        "state": "used",
                        "expires": EXAMPLE_MOMENT,
                        "trade": EXAMPLE_IDS[4],
                    },
                )
            },
            refusals=(*ACTING_REFUSALS, "pay_code_unknown"),
        )
    },
)
async def read_pay_code(
    request: AnyRequest, pay_code_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Tell what became of a code."""
    payer = await party_of(services, caller, request)
    code = await _find(services, payer, pay_code_id)
    is_over = code.state == "open" and services.clock.now_ns() >= code.expires_ns
    state: Literal["open", "used", "expired"] = (
        "used" if code.state == "used" else "expired" if is_over else "open"
    )
    expires = format_moment(code.expires_ns)
    return json_reply(PayCodeState(id=pay_code_id, state=state, expires=expires, trade=code.trade))


@get(
    "/v1/pay-codes/{pay_code_id:uuid}/picture",
    opt={
        KEY: Documentation(
            name="drawPayCode",
            topic="QR codes",
            summary="Draw your code to show it",
            access=Permission.PAYMENTS_READ,
            query=PICTURE_QUERY,
            headers=(ACTING_FOR,),
            answers={200: PICTURE_ANSWER},
            refusals=(*ACTING_REFUSALS, "pay_code_unknown", "pay_code_used", "pay_code_expired"),
        )
    },
)
async def draw_pay_code(
    request: AnyRequest, pay_code_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Draw a code that can still be used."""
    query = PICTURE_QUERY.read(request)
    payer = await party_of(services, caller, request)
    check_usable(await _find(services, payer, pay_code_id), services.clock.now_ns())
    return picture_reply(pay_code(services.pay_code_sealer, pay_code_id), "Pay code", query)


async def _find(services: Services, payer: UUID, id_: UUID) -> PayCode:
    """Return a code of the payer's own, by the id from which it derives."""
    by = fingerprints(services.pay_code_sealer, pay_code(services.pay_code_sealer, id_))
    return await services.database.as_party(payer, lambda conn: find_pay_code(conn, by))


HANDLERS = (create_pay_code, read_pay_code, draw_pay_code)
