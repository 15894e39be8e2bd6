"""Institutions: who takes part."""

from typing import Annotated

import msgspec
from litestar import Response, get, post
from msgspec import Meta

from karez.channels.api.bodies import Body
from karez.channels.api.documentation import KEY, Answer, Documentation
from karez.channels.api.fields import EXAMPLE_MOMENT, InstitutionNumber, Moment, Text
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.moments import format_moment
from karez.channels.api.replies import json_reply
from karez.parties import institutions
from karez.parties.institutions import Institution, Kind
from karez.parties.roles import Permission


class NewInstitution(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """An institution to admit."""

    code: Annotated[
        str,
        Meta(
            pattern=r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$",
            description="Its short name.",
            examples=["harbour-bank"],
        ),
    ]
    name: Text
    kind: Kind


class InstitutionView(msgspec.Struct, frozen=True, kw_only=True):
    """An institution.

    Attributes:
        state: `open` or `suspended`.
        timestamp: When it was admitted.
    """

    number: InstitutionNumber
    code: str
    name: str
    kind: Kind
    state: str
    timestamp: Moment


class InstitutionList(msgspec.Struct, frozen=True):
    """All institutions in the order of their numbers."""

    items: list[InstitutionView]


_EXAMPLE_NEW = {"code": "harbour-bank", "name": "Harbour Bank", "kind": "bank"}
_EXAMPLE = {"number": 2, **_EXAMPLE_NEW, "state": "open", "timestamp": EXAMPLE_MOMENT}
_NEW_INSTITUTION: Body[NewInstitution] = Body(NewInstitution, _EXAMPLE_NEW)


@get(
    "/v1/institutions",
    opt={
        KEY: Documentation(
            name="listInstitutions",
            topic="Institutions",
            summary="List all institutions",
            access="any credential",
            answers={200: Answer("All institutions", InstitutionList, {"items": [_EXAMPLE]})},
        )
    },
)
async def list_institutions(caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Return all institutions."""
    every = await services.database.as_caller(caller, institutions.every)
    return json_reply(InstitutionList([_view(each) for each in every]))


@post(
    "/v1/institutions",
    opt={
        KEY: Documentation(
            name="admitInstitution",
            topic="Institutions",
            summary="Admit an institution, as the operator",
            access=Permission.OPERATOR,
            body=_NEW_INSTITUTION,
            answers={201: Answer("Admitted under the next free number", InstitutionView, _EXAMPLE)},
            refusals=("institution_code_taken",),
        )
    },
)
async def admit_institution(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Register an institution."""
    new = await _NEW_INSTITUTION.read(request)
    now_ns = services.clock.now_ns()
    made = await services.database.as_caller(
        caller, lambda conn: institutions.register(conn, new.code, new.name, new.kind, now_ns)
    )
    return json_reply(_view(made), 201)


def _view(institution: Institution) -> InstitutionView:
    return InstitutionView(
        number=institution.number,
        code=institution.code,
        name=institution.name,
        kind=institution.kind,
        state=institution.state,
        timestamp=format_moment(institution.created_ns),
    )


HANDLERS = (list_institutions, admit_institution)
