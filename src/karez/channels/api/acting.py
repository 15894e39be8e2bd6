"""For whom a payment request is made: the party itself, or one that came through the institution that asks."""

from uuid import UUID

from karez.channels.api.caller import Caller
from karez.channels.api.context import Services
from karez.channels.api.documentation import Header
from karez.channels.api.fields import EXAMPLE_IDS
from karez.channels.api.injected import AnyRequest
from karez.core.outcomes import Rejected

ACTING_FOR = Header(
    "Acting-For",
    "Id of the person or shop for whom an institution asks; it must have come through this institution. A person's or"
    " shop's own credential leaves it out.",
    {"type": "string", "format": "uuid", "examples": [EXAMPLE_IDS[6]]},
)

ACTING_REFUSALS = ("party_needed", "party_unknown", "party_not_active", "header_invalid")


async def party_of(services: Services, caller: Caller, request: AnyRequest) -> UUID:
    """Return for whom a request of the framework is made; see ``acting_party``."""
    return await acting_party(services, caller, request.headers.get("acting-for"))


async def acting_party(services: Services, caller: Caller, named: str | None) -> UUID:
    """Return for whom a request is made.

    Args:
        services: Where parties are looked up.
        caller: A party, or an institution with the header ``Acting-For``.
        named: The header ``Acting-For``, if there is one.

    Rejections: ``party_needed``, ``party_unknown``, ``party_not_active``, ``header_invalid``.
    """
    party = None if named is None else _id(named)
    if caller.party is not None:
        if party is not None and party != caller.party:
            raise _unknown(party)
        return caller.party
    if party is None:
        raise Rejected(
            "party_needed",
            "An institution asks for one of its people or shops; name it in the header Acting-For.",
        )
    await check_represented(services, caller, [party])
    return party


async def check_represented(services: Services, caller: Caller, parties: list[UUID]) -> None:
    """Refuse unless every one of the parties came through the calling institution and is active.

    Rejections: ``party_unknown``, ``party_not_active``.
    """
    institution = caller.institution
    asked = [party for party in set(parties) if not services.represented.has(institution, party)]
    if not asked:
        return
    known = await services.represented.look_up(caller, asked)
    for party in asked:
        if party not in known or known[party].institution != institution:
            raise _unknown(party)
        if known[party].state != "active":
            raise Rejected(
                "party_not_active", f"The party {party} is {known[party].state}; it cannot pay or be paid."
            )
        services.represented.keep(institution, party)


def _unknown(party: UUID) -> Rejected:
    return Rejected("party_unknown", f"There is no party {party} for which you may act; look it up again.")


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Rejected(
            "header_invalid",
            f"The header Acting-For {text[:40]!r} is not a UUID; send the id of a person or shop.",
            header="Acting-For",
        ) from None
