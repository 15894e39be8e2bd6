"""Standing orders: having the bills of an account number paid when they are due."""

from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from msgspec import UNSET, UnsetType

from karez.channels.api.acting import ACTING_FOR, ACTING_REFUSALS, party_of
from karez.channels.api.asking import asked
from karez.channels.api.bill_forms import AccountNumber, ServiceId
from karez.channels.api.bodies import Body, Query
from karez.channels.api.caller_database import Connection
from karez.channels.api.carrying import carry, content_of, needed_key
from karez.channels.api.documentation import KEY, Answer, Documentation
from karez.channels.api.fields import EXAMPLE_IDS, EXAMPLE_MOMENT, Moment, MoneyAmount, PageSize
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.moments import format_moment
from karez.channels.api.operations import NEEDED_KEY, OPERATION_REFUSALS
from karez.channels.api.paging import read_page
from karez.channels.api.replies import Reply, json_reply, to_response
from karez.core.outcomes import Rejected
from karez.parties.roles import Permission
from karez.services.payments.bills import standing_orders
from karez.services.payments.bills.order_records import StandingOrder, find_order, orders_page
from karez.services.payments.bills.records import BillerService, find_service
from karez.services.payments.bills.standing_orders import StandingOrderReceipt, order_id
from karez.services.payments.wallets.records import find_wallet


class NewStandingOrder(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Whose bills to pay when they are due.

    Attributes:
        amount_max_minor: A larger bill is not paid.
    """

    service: ServiceId
    account_number: AccountNumber
    amount_max_minor: MoneyAmount


class StandingOrderView(msgspec.Struct, frozen=True, kw_only=True):
    """A standing order.

    Attributes:
        state: `active` or `stopped`.
    """

    id: UUID
    service: UUID
    account_number: str
    amount_max_minor: int
    state: str
    ordered: Moment


class StandingOrderPage(msgspec.Struct, frozen=True):
    """Standing orders, the latest first."""

    items: list[StandingOrderView]
    next_before: Moment | None


class StandingOrdersQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which standing orders.

    Attributes:
        before: Ordered before this moment.
    """

    before: Moment | UnsetType = UNSET
    limit: PageSize = 50


_EXAMPLE_NEW = {"service": EXAMPLE_IDS[2], "account_number": "0012345678", "amount_max_minor": 20_000}
_EXAMPLE_RECEIPT = {**_EXAMPLE_NEW, "id": EXAMPLE_IDS[5], "state": "active"}
_NEW: Body[NewStandingOrder] = Body(NewStandingOrder, _EXAMPLE_NEW)
_QUERY = Query(StandingOrdersQuery)


@post(
    "/v1/standing-orders",
    opt={
        KEY: Documentation(
            name="placeStandingOrder",
            topic="Bills",
            summary="Have the bills of an account number paid when they are due",
            access=Permission.PAYMENTS_WRITE,
            body=_NEW,
            headers=(ACTING_FOR, NEEDED_KEY),
            answers={201: Answer("Ordered, now or before", StandingOrderReceipt, _EXAMPLE_RECEIPT)},
            refusals=(
                *OPERATION_REFUSALS,
                *ACTING_REFUSALS,
                "idempotency_key_missing",
                "biller_service_not_found",
                "account_number_malformed",
                "amount_too_large",
                "wallet_not_found",
            ),
        )
    },
)
async def place_order(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Order, or order anew with another amount."""
    body = await _NEW.read(request)
    payer = await party_of(services, caller, request)

    def read(conn: Connection) -> tuple[BillerService, StandingOrder | None]:
        service = find_service(conn, body.service)
        find_wallet(conn, payer, service.currency)
        return service, find_order(conn, order_id(payer, service.id, body.account_number))

    reply = await carry(
        services,
        asked(caller, payer, "standing_order.order", content_of(body), needed_key(request)),
        lambda: services.database.as_party(payer, read),
        lambda asking, _, facts: standing_orders.order(
            asking, payer, *facts, body.account_number, body.amount_max_minor
        ),
    )
    return to_response(Reply(201, reply))


@post(
    "/v1/standing-orders/{order_id:uuid}/stop",
    status_code=200,
    opt={
        KEY: Documentation(
            name="stopStandingOrder",
            topic="Bills",
            summary="Stop a standing order",
            access=Permission.PAYMENTS_WRITE,
            headers=(ACTING_FOR, NEEDED_KEY),
            answers={
                200: Answer(
                    "Stopped, now or before", StandingOrderReceipt, {**_EXAMPLE_RECEIPT, "state": "stopped"}
                )
            },
            refusals=(
                *OPERATION_REFUSALS,
                *ACTING_REFUSALS,
                "idempotency_key_missing",
                "standing_order_not_found",
                "standing_order_stopped",
            ),
        )
    },
)
async def stop_order(
    request: AnyRequest, order_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Stop an order."""
    payer = await party_of(services, caller, request)

    def read(conn: Connection) -> StandingOrder:
        found = find_order(conn, order_id)
        if found is None:
            raise Rejected(
                "standing_order_not_found",
                f"There is no standing order {order_id} of yours; list them to find it.",
            )
        return found

    reply = await carry(
        services,
        asked(caller, payer, f"standing_order.stop/{order_id}", b"", needed_key(request)),
        lambda: services.database.as_party(payer, read),
        lambda asking, _, found: standing_orders.stop(asking, found),
    )
    return to_response(Reply(200, reply))


@get(
    "/v1/standing-orders",
    opt={
        KEY: Documentation(
            name="listStandingOrders",
            topic="Bills",
            summary="List the standing orders of a payer, the latest first",
            access=Permission.PAYMENTS_READ,
            query=_QUERY,
            headers=(ACTING_FOR,),
            answers={
                200: Answer(
                    "A page",
                    StandingOrderPage,
                    {"items": [{**_EXAMPLE_RECEIPT, "ordered": EXAMPLE_MOMENT}], "next_before": None},
                )
            },
            refusals=(*ACTING_REFUSALS, "moment_malformed"),
        )
    },
)
async def list_orders(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Return a page of orders."""
    query = _QUERY.read(request)
    payer = await party_of(services, caller, request)
    found, next_before = await read_page(
        services,
        payer,
        query,
        lambda conn, before_ns, limit: orders_page(conn, payer, before_ns, limit),
        lambda each: each.ordered_ns,
    )
    return json_reply(StandingOrderPage([_view(each) for each in found], next_before))


def _view(order: StandingOrder) -> StandingOrderView:
    return StandingOrderView(
        id=order.id,
        service=order.service,
        account_number=order.account_number,
        amount_max_minor=order.amount_max_minor,
        state=order.state,
        ordered=format_moment(order.ordered_ns),
    )


HANDLERS = (place_order, stop_order, list_orders)
