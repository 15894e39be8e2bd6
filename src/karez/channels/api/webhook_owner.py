"""Whose webhooks a request is about: the caller's own, or those of a person or shop for whom an institution asks."""

from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

from karez.channels.api.acting import party_of
from karez.channels.api.caller import Caller
from karez.channels.api.caller_database import Connection
from karez.channels.api.context import Services
from karez.channels.api.documentation import Header
from karez.channels.api.fields import EXAMPLE_IDS
from karez.channels.api.injected import AnyRequest

T = TypeVar("T")

OWNER = Header(
    "Acting-For",
    "Id of the person or shop for whom an institution asks; it must have come through this institution. Left out, the"
    " request is about the caller's own endpoints.",
    {"type": "string", "format": "uuid", "examples": [EXAMPLE_IDS[6]]},
)

OWNER_REFUSALS = ("party_unknown", "party_not_active", "header_invalid")


async def owning_party(services: Services, caller: Caller, request: AnyRequest) -> UUID | None:
    """Return the person or shop whose endpoints are meant; ``None`` if they are the institution's or operator's own.

    Rejections: ``party_unknown``, ``party_not_active``, ``header_invalid``.
    """
    if caller.party is None and "acting-for" not in request.headers:
        return None
    return await party_of(services, caller, request)


async def as_owner(
    services: Services, caller: Caller, request: AnyRequest, work: Callable[[Connection], T]
) -> T:
    """Do something with the rights of the owner; the operator reaches everybody's endpoints.

    Rejections: those of ``owning_party`` and of the work.
    """
    party = await owning_party(services, caller, request)
    if party is None:
        return await services.database.as_caller(caller, work)
    return await services.database.as_party(party, work)
