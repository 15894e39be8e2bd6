"""What billers send bills for: registering it, and the catalogue of everything."""

import msgspec
from litestar import Response, get, post

from karez.channels.api.asking import asked
from karez.channels.api.bill_forms import (
    EXAMPLE_SERVICE,
    BillerServiceList,
    NewBillerService,
    service_view,
)
from karez.channels.api.bodies import Body
from karez.channels.api.caller_database import Connection
from karez.channels.api.carrying import carry, content_of
from karez.channels.api.documentation import KEY, Answer, Documentation
from karez.channels.api.fields import EXAMPLE_IDS
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.operations import OPERATION_REFUSALS
from karez.channels.api.replies import Reply, json_reply, location, to_response
from karez.parties.roles import Permission
from karez.services.payments import accounts
from karez.services.payments.bills import registering
from karez.services.payments.bills.records import has_service, list_services
from karez.services.payments.bills.registering import NewService, ServiceReceipt, service_id
from karez.services.payments.opened import opened_accounts

_NEW: Body[NewBillerService] = Body(NewBillerService, EXAMPLE_SERVICE)


@post(
    "/v1/biller-services",
    opt={
        KEY: Documentation(
            name="registerBillerService",
            topic="Bills",
            summary="Register something to send bills for, as the biller",
            access=Permission.PAYMENTS_WRITE,
            body=_NEW,
            answers={
                201: Answer(
                    "Registered, now or before",
                    ServiceReceipt,
                    {"id": EXAMPLE_IDS[2], "code": "water", "currency": "CNY", "state": "open"},
                )
            },
            refusals=(
                *OPERATION_REFUSALS,
                "institution_needed",
                "biller_needed",
                "currency_not_open",
                "biller_code_used",
                "account_form_invalid",
            ),
        )
    },
)
async def register_service(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Register a service under the biller's own code."""
    body = await _NEW.read(request)
    biller = caller.institution
    id_, takings = service_id(biller, body.code), accounts.biller_takings(biller, body.currency)
    new = NewService(**msgspec.structs.asdict(body))

    def read(conn: Connection) -> tuple[str, bool, bool]:
        row = conn.execute("SELECT kind FROM institution WHERE number = %s", (biller,)).fetchone()
        assert row is not None, "the caller's institution exists"
        return row[0], bool(opened_accounts(conn, [takings])), has_service(conn, id_)

    reply = await carry(
        services,
        asked(caller, None, f"biller_service.register/{body.code}", content_of(body), None),
        lambda: services.database.as_operator(read),
        lambda asking, house, facts: registering.register_service(asking, house, biller, *facts, new),
    )
    return to_response(Reply(201, reply, (location("/v1/biller-services", id_),)))


@get(
    "/v1/biller-services",
    opt={
        KEY: Documentation(
            name="listBillerServices",
            topic="Bills",
            summary="List everything that billers send bills for",
            access="any credential",
            answers={
                200: Answer(
                    "The catalogue",
                    BillerServiceList,
                    {"items": [{**EXAMPLE_SERVICE, "id": EXAMPLE_IDS[2], "biller": 4}]},
                )
            },
        )
    },
)
async def list_biller_services(caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Return the catalogue."""
    found = await services.database.as_caller(caller, list_services)
    return json_reply(BillerServiceList([service_view(each) for each in found]))


HANDLERS = (register_service, list_biller_services)
