"""The code of an order, for one payment: as text and as a picture."""

from uuid import UUID

import msgspec
from litestar import Response, get
from litestar.params import FromPath

from karez.channels.api.acting import ACTING_FOR, ACTING_REFUSALS, party_of
from karez.channels.api.caller_database import Connection
from karez.channels.api.code_pictures import PICTURE_ANSWER, PICTURE_QUERY, picture_reply
from karez.channels.api.documentation import KEY, Answer, Documentation
from karez.channels.api.fields import EXAMPLE_IDS
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.replies import json_reply
from karez.parties.roles import Permission
from karez.services.payments.qr.karez_codes import code_of_trade
from karez.services.payments.qr.records import needed_front
from karez.services.payments.trades.escrow import check_is
from karez.services.payments.trades.records import Trade, find_trade
from karez.services.payments.trades.states import Action, check_action


class TradeCodeView(msgspec.Struct, frozen=True, kw_only=True):
    """The code of an order.

    Attributes:
        text: What is drawn.
    """

    trade: UUID
    currency: str
    amount_minor: int
    text: str


_EXAMPLE = {
    "trade": EXAMPLE_IDS[5],
    "currency": "CNY",
    "amount_minor": 1_230,
    "text": (
        "00020101021226720032c1804aaf4e334a5083003c5bff511dc3023201997f3e6c1070008000000000000005"
        "520458125303156540512.305802CN5909TEA HOUSE6006TURPAN62110507order-1630495D7"
    ),
}
_REFUSALS = (
    *ACTING_REFUSALS,
    "trade_not_found",
    "trade_not_yours",
    "trade_state_wrong",
    "shopfront_missing",
    "qr_too_long",
)


@get(
    "/v1/trades/{trade_id:uuid}/code",
    opt={
        KEY: Documentation(
            name="readTradeCode",
            topic="QR codes",
            summary="Read the code of an order that waits for its payment, as the shop",
            access=Permission.PAYMENTS_READ,
            headers=(ACTING_FOR,),
            answers={200: Answer("The code", TradeCodeView, _EXAMPLE)},
            refusals=_REFUSALS,
        )
    },
)
async def read_trade_code(
    request: AnyRequest, trade_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Return the text of an order's code."""
    shop = await party_of(services, caller, request)
    trade, text = await services.database.as_party(shop, lambda conn: _read(conn, trade_id, shop))
    return json_reply(
        TradeCodeView(trade=trade.id, currency=trade.currency, amount_minor=trade.amount_minor, text=text)
    )


@get(
    "/v1/trades/{trade_id:uuid}/code/picture",
    opt={
        KEY: Documentation(
            name="drawTradeCode",
            topic="QR codes",
            summary="Draw the code of an order that waits for its payment, as the shop",
            access=Permission.PAYMENTS_READ,
            query=PICTURE_QUERY,
            headers=(ACTING_FOR,),
            answers={200: PICTURE_ANSWER},
            refusals=_REFUSALS,
        )
    },
)
async def draw_trade_code(
    request: AnyRequest, trade_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Draw an order's code."""
    query = PICTURE_QUERY.read(request)
    shop = await party_of(services, caller, request)
    trade, text = await services.database.as_party(shop, lambda conn: _read(conn, trade_id, shop))
    return picture_reply(text, trade.title, query)


def _read(conn: Connection, id_: UUID, shop: UUID) -> tuple[Trade, str]:
    trade = find_trade(conn, id_)
    check_is(trade, shop, trade.shop, "the shop")
    check_action(trade.standing, Action.PAY)
    front = needed_front(conn, shop).front
    code = code_of_trade(trade.id, trade.reference, front, trade.currency, trade.amount_minor)
    return trade, code.text()


HANDLERS = (read_trade_code, draw_trade_code)
