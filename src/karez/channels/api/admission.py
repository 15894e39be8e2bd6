"""Lets a known caller in: how much it may still ask for, whether it has the permission."""

import time

from karez.channels.api.caller import Caller
from karez.channels.api.documentation import Access
from karez.channels.api.exchange import Exchange
from karez.parties.roles import Permission


def admit(exchange: Exchange, caller: Caller, access: Access) -> None:
    """Let a caller in, or refuse it.

    Args:
        exchange: Learns who is asking, so that a refusal is logged with it too.
        caller: Who is asking.
        access: What the route needs, not ``public``.

    Rejections: ``rate_limited``, ``permission_missing``.
    """
    exchange.caller = caller
    caller.allowance.requests.take(1, time.monotonic())
    if access not in caller.permissions and isinstance(access, Permission):
        caller.need(access)
