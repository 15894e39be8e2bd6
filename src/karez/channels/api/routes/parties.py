"""People and shops: registering them, and reading their personal data for a stated purpose."""

import re
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from msgspec import UNSET, Meta, UnsetType

from karez.channels.api.bodies import Body, Query
from karez.channels.api.caller import Caller
from karez.channels.api.caller_database import Connection
from karez.channels.api.context import Services
from karez.channels.api.documentation import KEY, Answer, Documentation, Header, Link
from karez.channels.api.fields import (
    EXAMPLE_IDS,
    EXAMPLE_MOMENT,
    InstitutionNumber,
    Moment,
    NewId,
    PartyId,
    PersonalText,
)
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.moments import format_moment
from karez.channels.api.replies import json_reply, location
from karez.core.outcomes import Rejected
from karez.parties import disclosure, people
from karez.parties.disclosure import Reader
from karez.parties.people import NewParty, Party
from karez.parties.personal import FIELDS, Field, PersonalData
from karez.parties.roles import Permission

PURPOSE = Header(
    "Purpose",
    "Why personal data is read; it is kept in the access log. The word is the one that consents use.",
    {"type": "string", "pattern": "^[a-z0-9-]{1,60}$", "examples": ["credit-assessment"]},
    required=True,
)


class NewPartyBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A person or shop to register; what is given is sealed.

    Attributes:
        phone: International, in any spelling.
        document: Issuing country and number of an identity document or trade registration.
    """

    id: NewId
    name: PersonalText
    phone: PersonalText | None = None
    email: PersonalText | None = None
    document: PersonalText | None = None


class RegisteredParty(msgspec.Struct, frozen=True, kw_only=True):
    """A person or shop that was registered."""

    id: PartyId
    kind: Literal["person", "shop"]


class PartyView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A person or shop, with the personal data that was asked for.

    Attributes:
        institution: Through whom it came; null if by itself.
        state: `active`, `suspended` or `closed`.
        timestamp: When it was registered.
    """

    id: PartyId
    kind: Literal["person", "shop"]
    institution: InstitutionNumber | None
    state: str
    timestamp: Moment
    name: str | UnsetType = UNSET
    phone: str | UnsetType = UNSET
    email: str | UnsetType = UNSET
    document: str | UnsetType = UNSET


class PartyQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which personal data.

    Attributes:
        fields: Some of `name`, `phone`, `email`, `document`, with commas between them.
    """

    fields: Annotated[
        str,
        Meta(pattern=r"^(name|phone|email|document)(,(name|phone|email|document)){0,3}$", examples=["name"]),
    ] = "name"


_EXAMPLE_NEW = {"id": EXAMPLE_IDS[6], "name": "Ana Wang", "phone": "+86 138 0013 8000"}
_EXAMPLE_REGISTERED = {"id": EXAMPLE_IDS[6], "kind": "person"}
_EXAMPLE = {
    **_EXAMPLE_REGISTERED,
    "institution": 2,
    "state": "active",
    "timestamp": EXAMPLE_MOMENT,
    "name": "Ana Wang",
}
_NEW_PARTY: Body[NewPartyBody] = Body(NewPartyBody, _EXAMPLE_NEW)
_PARTY_QUERY = Query(PartyQuery)
_REGISTERING_REFUSALS = (
    "institution_needed",
    "party_exists",
    "phone_taken",
    "email_taken",
    "document_taken",
    "name_malformed",
    "phone_malformed",
    "email_malformed",
    "document_malformed",
)
_READING_REFUSALS = ("party_unknown", "purpose_missing", "header_invalid")


@post(
    "/v1/people",
    opt={
        KEY: Documentation(
            name="registerPerson",
            topic="People and shops",
            summary="Register a person",
            access=Permission.PARTIES_WRITE,
            body=_NEW_PARTY,
            answers={
                201: Answer(
                    "Registered",
                    RegisteredParty,
                    _EXAMPLE_REGISTERED,
                    (Link("person", "readPerson", {"party_id": "$response.body#/id"}),),
                )
            },
            refusals=_REGISTERING_REFUSALS,
        )
    },
)
async def register_person(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Register a person."""
    return await _register(request, caller, services, "person")


@post(
    "/v1/shops",
    opt={
        KEY: Documentation(
            name="registerShop",
            topic="People and shops",
            summary="Register a shop",
            access=Permission.PARTIES_WRITE,
            body=_NEW_PARTY,
            answers={
                201: Answer(
                    "Registered",
                    RegisteredParty,
                    {**_EXAMPLE_REGISTERED, "kind": "shop"},
                    (Link("shop", "readShop", {"party_id": "$response.body#/id"}),),
                )
            },
            refusals=_REGISTERING_REFUSALS,
        )
    },
)
async def register_shop(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Register a shop."""
    return await _register(request, caller, services, "shop")


@get(
    "/v1/people/{party_id:uuid}",
    opt={
        KEY: Documentation(
            name="readPerson",
            topic="People and shops",
            summary="Read a person's data for a purpose",
            description="Those who came through you, and those who consented to the purpose. Each read is logged.",
            access=Permission.PARTIES_READ,
            query=_PARTY_QUERY,
            headers=(PURPOSE,),
            answers={200: Answer("The person", PartyView, _EXAMPLE)},
            refusals=_READING_REFUSALS,
        )
    },
)
async def read_person(
    request: AnyRequest, party_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Return a person's data."""
    return await _read(request, party_id, caller, services, "person")


@get(
    "/v1/shops/{party_id:uuid}",
    opt={
        KEY: Documentation(
            name="readShop",
            topic="People and shops",
            summary="Read a shop's data for a purpose",
            description="Those that came through you, and those that consented to the purpose. Each read is logged.",
            access=Permission.PARTIES_READ,
            query=_PARTY_QUERY,
            headers=(PURPOSE,),
            answers={200: Answer("The shop", PartyView, {**_EXAMPLE, "kind": "shop"})},
            refusals=_READING_REFUSALS,
        )
    },
)
async def read_shop(
    request: AnyRequest, party_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Return a shop's data."""
    return await _read(request, party_id, caller, services, "shop")


async def _register(
    request: AnyRequest, caller: Caller, services: Services, kind: people.Kind
) -> Response[bytes]:
    new = await _NEW_PARTY.read(request)
    personal = PersonalData(new.name, new.phone, new.email, new.document)
    newcomer = NewParty(new.id, kind, caller.institution, personal)
    now_ns = services.clock.now_ns()
    await services.database.as_caller(
        caller, lambda conn: people.register(conn, services.sealer, [newcomer], now_ns)
    )
    path = "/v1/people" if kind == "person" else "/v1/shops"
    return json_reply(RegisteredParty(id=new.id, kind=kind), 201, location(path, new.id))


async def _read(
    request: AnyRequest, party: UUID, caller: Caller, services: Services, kind: people.Kind
) -> Response[bytes]:
    fields = [field for field in FIELDS if field in _PARTY_QUERY.read(request).fields.split(",")]
    reader = Reader(caller.actor, _purpose(request), None if caller.reads_as_itself else caller.institution)
    now_ns = services.clock.now_ns()

    def read(conn: Connection) -> PartyView | None:
        found = people.known(conn, [party]).get(party)
        if found is None or found.kind != kind:
            return None
        disclosed = disclosure.disclose(conn, services.sealer, [party], fields, reader, now_ns)
        return _view(found, disclosed[party], fields) if party in disclosed else None

    view = await services.database.as_caller(caller, read)
    if view is None and reader.institution is not None:
        # Behind the tenant wall are those who consented: the operator's side reads them for the institution.
        view = await services.database.as_operator(read)
    if view is None:
        raise Rejected("party_unknown", f"There is no {kind} {party} that you may see; look it up again.")
    return json_reply(view)


def _purpose(request: AnyRequest) -> str:
    purpose = request.headers.get("purpose")
    if purpose is None:
        raise Rejected(
            "purpose_missing",
            "Personal data is read for a purpose; name it in the header Purpose, such as credit-assessment.",
        )
    if re.fullmatch(str(PURPOSE.schema["pattern"]), purpose) is None:
        raise Rejected(
            "header_invalid",
            "The Purpose is not 1 to 60 lower-case letters, digits and hyphens; write it like credit-assessment.",
            header="Purpose",
        )
    return purpose


def _view(party: Party, personal: PersonalData, fields: list[Field]) -> PartyView:
    shown = {field: text for field, text in personal.given() if field in fields}
    return PartyView(
        id=party.id,
        kind=party.kind,
        institution=party.institution,
        state=party.state,
        timestamp=format_moment(party.created_ns),
        **shown,
    )


HANDLERS = (register_person, register_shop, read_person, read_shop)
