"""Units: what accounts count in."""

from typing import Annotated

import msgspec
from litestar import Response, get, post
from msgspec import Meta

from karez.channels.api import readings
from karez.channels.api.bodies import Body
from karez.channels.api.documentation import KEY, Answer, Documentation
from karez.channels.api.fields import Text, UnitNumber
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.operations import IDEMPOTENCY_KEY, OPERATION_REFUSALS, carry_out
from karez.channels.api.replies import json_reply
from karez.channels.api.views import UnitView
from karez.ledger.operations import RowInsert, Scalar
from karez.parties.roles import Permission

UnitCode = Annotated[
    str,
    Meta(
        pattern=r"^[A-Z]{2,20}(:[A-Za-z0-9._-]{1,60})?$",
        description="ISO 4217 letters for a currency; a kind and a name for anything else.",
        examples=["CNY", "COUPON:spring"],
    ),
]


class NewUnit(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A unit to create.

    Attributes:
        exponent: Decimal digits of one whole unit: 2 for CNY.
        description: What it is, for people.
    """

    number: UnitNumber
    code: UnitCode
    exponent: Annotated[int, Meta(ge=0, le=18)]
    description: Text


class UnitList(msgspec.Struct, frozen=True):
    """All units in the order of their numbers."""

    items: list[UnitView]


_EXAMPLE = {"number": 1, "code": "CNY", "exponent": 2, "description": "Chinese yuan"}
_NEW_UNIT: Body[NewUnit] = Body(NewUnit, _EXAMPLE)


@get(
    "/v1/units",
    opt={
        KEY: Documentation(
            name="listUnits",
            topic="Units",
            summary="List all units",
            access="any credential",
            answers={200: Answer("All units", UnitList, {"items": [_EXAMPLE]})},
        )
    },
)
async def list_units(caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Return all units."""
    return json_reply(UnitList(await services.database.as_caller(caller, readings.units)))


@post(
    "/v1/units",
    opt={
        KEY: Documentation(
            name="createUnit",
            topic="Units",
            summary="Create a unit, as the operator",
            access=Permission.OPERATOR,
            body=_NEW_UNIT,
            headers=(IDEMPOTENCY_KEY,),
            answers={201: Answer("Created", UnitView, _EXAMPLE)},
            refusals=(*OPERATION_REFUSALS, "row_exists"),
        )
    },
)
async def create_unit(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Create a unit as an operation."""
    unit = await _NEW_UNIT.read(request)
    values: dict[str, Scalar] = {
        "code": unit.code,
        "exponent": unit.exponent,
        "description": unit.description,
    }
    created_ns = services.clock.now_ns()
    return await carry_out(
        services,
        caller,
        request,
        "unit.create",
        unit.number,
        UnitView(**msgspec.structs.asdict(unit)),
        rows=(
            RowInsert(table="unit", key={"number": unit.number}, values={**values, "created_ns": created_ns}),
        ),
    )


HANDLERS = (list_units, create_unit)
