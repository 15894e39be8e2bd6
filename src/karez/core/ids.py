"""128-bit time-ordered identifiers.

Ids come from the application, never from the database, so that a retry can carry the id of its first try.
They follow UUID version 7 (RFC 9562, section 5.7): 48 bits of milliseconds, then random bits, so ids made
later sort later and primary-key indexes grow at their right edge.
"""

import secrets
from collections.abc import Callable
from uuid import UUID

IdSource = Callable[[], UUID]

NIL = UUID(int=0)

_VERSION_7 = 0x7 << 76
_VARIANT = 0x2 << 62


def new_id(now_ns: int) -> UUID:
    """Make one id for a moment.

    Args:
        now_ns: Nanoseconds since 1970-01-01 UTC.
    """
    milliseconds = now_ns // 1_000_000
    random_bits = secrets.randbits(74)
    return UUID(
        int=milliseconds << 80
        | _VERSION_7
        | (random_bits >> 62) << 64
        | _VARIANT
        | random_bits & ((1 << 62) - 1)
    )


def id_at_or_after(now_ns: int) -> int:
    """Return the smallest 128-bit value that an id of this moment may have."""
    return (now_ns // 1_000_000) << 80
