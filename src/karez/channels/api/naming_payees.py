"""From how a payer names somebody, an id, a phone or an email, to who can be paid."""

from uuid import UUID

from karez.channels.api.asking import Asker
from karez.channels.api.bodies import invalid_field
from karez.channels.api.caller_database import Connection
from karez.channels.api.context import Services
from karez.parties import people
from karez.parties.disclosure import Reader, disclose
from karez.parties.personal import KnownBy
from karez.services.payments.transfers.masking import masked_name
from karez.services.payments.transfers.records import Payee, can_be_paid

_PURPOSE = "payee-confirmation"


async def payee_by_id(services: Services, party: UUID, currency: str) -> Payee | None:
    """Return somebody who is named by id; nothing is told of the name.

    Args:
        services: Where people and wallets are.
        party: Their id.
        currency: In which they are to be paid.
    """
    payable = await services.database.as_operator(lambda conn: can_be_paid(conn, party, currency))
    return Payee(party, "id", None) if payable else None


async def payee_known_by(
    services: Services, caller: Asker, phone: str | None, email: str | None, currency: str
) -> Payee | None:
    """Return somebody who is named by phone or email, with what a payer may see of the name.

    The look-up in the directory is the entrance's; reading the name leaves a line in its owner's access log.

    Args:
        services: Where people and wallets are.
        caller: Who asks.
        phone: In any spelling.
        email: In any spelling; exactly one of the two.
        currency: In which they are to be paid.

    Rejections: ``field_invalid``, ``phone_malformed``, ``email_malformed``.
    """
    if phone is not None and email is None:
        return await _found(services, caller, "phone", phone, currency)
    if email is not None and phone is None:
        return await _found(services, caller, "email", email, currency)
    raise invalid_field("phone", "name exactly one of the ways to find somebody")


async def _found(services: Services, caller: Asker, field: KnownBy, text: str, currency: str) -> Payee | None:
    party = await services.database.as_entrance(lambda conn: people.find(conn, services.sealer, field, text))
    if party is None:
        return None
    reader = Reader(caller.actor, _PURPOSE, None)

    def confirm(conn: Connection) -> Payee | None:
        if not can_be_paid(conn, party, currency):
            return None
        name = disclose(conn, services.sealer, [party], ["name"], reader, services.clock.now_ns())[party].name
        return Payee(party, field, None if name is None else masked_name(name))

    return await services.database.as_operator(confirm)
