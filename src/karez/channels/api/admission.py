"""Lets a request in: who is asking, how much it may still ask for, whether it has the permission."""

import time

from karez.channels.api.authentication import Authentication
from karez.channels.api.caller import Caller
from karez.channels.api.documentation import Access
from karez.channels.api.exchange import Exchange
from karez.parties.roles import Permission


async def admit(
    authentication: Authentication, exchange: Exchange, authorization: bytes | None, access: Access
) -> Caller:
    """Return the caller, or refuse it.

    Args:
        authentication: Knows callers by their token.
        exchange: Learns who is asking, so that a refusal is logged with it too.
        authorization: The header, if there is one.
        access: What the route needs, not ``public``.

    Raises:
        Unauthenticated: As ``Authentication.find``.

    Rejections: ``rate_limited``, ``permission_missing``, ``institution_suspended``.
    """
    caller = authentication.remembered(authorization) if authorization else None
    if caller is None:
        caller = await authentication.find(authorization)
    exchange.caller = caller
    caller.allowance.requests.take(1, time.monotonic())
    if access not in caller.permissions and isinstance(access, Permission):
        caller.need(access)
    return caller
