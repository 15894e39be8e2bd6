"""The currencies that payments are open for."""

from typing import Any

import msgspec
import psycopg
from litestar import Response, get, post

from karez.channels.api.asking import asked
from karez.channels.api.bodies import Body
from karez.channels.api.carrying import carry, no_facts
from karez.channels.api.documentation import KEY, Answer, Documentation
from karez.channels.api.fields import CurrencyCode
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.operations import OPERATION_REFUSALS
from karez.channels.api.replies import Reply, json_reply, to_response
from karez.parties.roles import Permission
from karez.services.payments import house as houses
from karez.services.payments.house import OpenedCurrency


class NewCurrency(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A currency to open."""

    currency: CurrencyCode


class CurrencyList(msgspec.Struct, frozen=True):
    """All currencies that payments are open for."""

    items: list[OpenedCurrency]


_EXAMPLE = {"currency": "CNY", "exponent": 2}
_NEW_CURRENCY: Body[NewCurrency] = Body(NewCurrency, {"currency": "CNY"})


@post(
    "/v1/payment-currencies",
    opt={
        KEY: Documentation(
            name="openPaymentCurrency",
            topic="Payments",
            summary="Open payments for a currency, as the operator",
            access=Permission.OPERATOR,
            body=_NEW_CURRENCY,
            answers={201: Answer("Open, now or before", OpenedCurrency, _EXAMPLE)},
            refusals=(*OPERATION_REFUSALS, "currency_unknown"),
        )
    },
)
async def open_payment_currency(
    request: AnyRequest, caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Register the payment house if it is the first one, then make the currency's units and accounts."""
    code = (await _NEW_CURRENCY.read(request)).currency
    now_ns = services.clock.now_ns()

    def prepare(conn: psycopg.Connection[Any]) -> int | None:
        houses.ensure_house(conn, now_ns)
        found = conn.execute("SELECT number FROM unit WHERE code = %s", (code,)).fetchone()
        return None if found is None else int(found[0])

    async def units_exist() -> int | None:
        return await services.database.as_operator(prepare)

    units = asked(caller, None, f"payments.make_units/{code}", b"", None)
    await carry(services, units, units_exist, lambda asking, _, money: houses.units_of(asking, code, money))
    opening = asked(caller, None, f"payments.open_currency/{code}", b"", None)
    reply = await carry(
        services, opening, no_facts, lambda asking, house, _: houses.accounts_of(asking, house, code)
    )
    return to_response(Reply(201, reply))


@get(
    "/v1/payment-currencies",
    opt={
        KEY: Documentation(
            name="listPaymentCurrencies",
            topic="Payments",
            summary="List the currencies that payments are open for",
            access="any credential",
            answers={200: Answer("All of them", CurrencyList, {"items": [_EXAMPLE]})},
        )
    },
)
async def list_payment_currencies(services: TheServices) -> Response[bytes]:
    """Return all currencies of the payment house."""
    house = await services.house_keeper.read_again()
    return json_reply(
        CurrencyList(
            [OpenedCurrency(currency=each.code, exponent=each.exponent) for each in house.currencies.values()]
        )
    )


HANDLERS = (open_payment_currency, list_payment_currencies)
