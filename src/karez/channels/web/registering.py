"""Registering somebody who comes by itself, with a phone or e-mail and a password."""

from dataclasses import dataclass, field
from uuid import UUID

from karez.channels.api.caller_database import Connection
from karez.channels.api.context import Services
from karez.channels.web.logging_in import digest_in_thread
from karez.core.ids import new_id
from karez.parties import logins, passwords, people, throttling
from karez.parties.people import Kind, NewParty
from karez.parties.personal import PersonalData


@dataclass(frozen=True)
class Newcomer:
    """What somebody typed."""

    kind: Kind
    name: str = field(repr=False)
    login_name: str = field(repr=False)
    password: str = field(repr=False)


async def register(services: Services, newcomer: Newcomer, address: bytes | None) -> UUID:
    """Register a person or shop and return its id.

    Args:
        services: Where parties are.
        newcomer: What was typed.
        address: From where, as it is counted.

    Rejections: those of ``PersonalData.normalised`` and ``check_new_password``; ``phone_taken``, ``email_taken``,
        ``too_many_tries``.
    """
    now_ns = services.clock.now_ns()
    known_by = {logins.login_field(newcomer.login_name): newcomer.login_name}
    personal = PersonalData(name=newcomer.name, **known_by).normalised()
    passwords.check_new_password(newcomer.password, [newcomer.name, newcomer.login_name.split("@")[0]])
    if address is not None:
        # Who registers learns whether a phone is known here; so asking for many of them has to take long.
        await services.database.as_entrance(
            lambda conn: throttling.take_try(conn, address, throttling.BY_ADDRESS, now_ns)
        )
    digest = await digest_in_thread(newcomer.password)
    party = new_id(now_ns)

    def work(conn: Connection) -> None:
        people.register(conn, services.sealer, [NewParty(party, newcomer.kind, None, personal)], now_ns)
        logins.make_login(conn, party, digest, now_ns)

    await services.database.as_party(party, work)
    return party
