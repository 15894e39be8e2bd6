"""Which person of the staff is asking, where two persons are needed and two credentials are not enough."""

from karez.channels.api.caller import Caller
from karez.channels.api.context import Services
from karez.core.outcomes import Rejected
from karez.parties import staff

PERSON_REFUSALS = ("person_needed", "person_left")


async def person_of(services: Services, caller: Caller) -> str:
    """Return the name of the person in whose hands the caller's credential is, the same for all of theirs.

    Args:
        services: Where the staff is looked up.
        caller: An institution.

    Rejections: ``institution_needed``, ``person_needed``, ``person_left``.
    """
    institution, member = caller.institution, caller.staff
    if member is None:
        raise Rejected(
            "person_needed",
            "This is decided by persons, and your credential is a program's; have one issued to you at the shell: "
            "karez credentials issue --staff NAME.",
        )
    found = await services.database.as_operator(lambda conn: staff.find_by_id(conn, institution, member))
    if found is None or found.state != "active":
        raise Rejected(
            "person_left",
            "Whom this credential was issued to works there no longer; use your own credential.",
        )
    return f"{found.login_name} of institution {institution}"
