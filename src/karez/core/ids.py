"""128-bit time-ordered identifiers.

Ids come from the application, never from the database, so that a retry can carry the id of its first try.
They follow UUID version 7 (RFC 9562, section 5.7): 48 bits of milliseconds, then random bits, so ids made
later sort later and primary-key indexes grow at their right edge.

Ids of version 8 (section 5.8) are Karez's own: it derives them from other ids and names, so that the wallet of a
person or the transfers of an operation need no look-up. Nobody outside may choose one.
"""

import secrets
from collections.abc import Callable
from hashlib import blake2b
from uuid import UUID

IdSource = Callable[[], UUID]

NIL = UUID(int=0)

_VERSION_7 = 0x7 << 76
_VERSION_8 = 0x8 << 76
_UPPER_48 = (2**48 - 1) << 80
_VARIANT = 0x2 << 62

KIND_MASK = 0xF << 76 | 0x3 << 62
"""The bits of an id that tell its version and variant."""
DERIVED_KIND = _VERSION_8 | _VARIANT


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


def derived_id(source: UUID, *names: str | int) -> UUID:
    """Return the one id that belongs to another id and some names; it sorts where the source sorts.

    Args:
        source: Whose first 48 bits, the moment, are kept.
        names: What tells this id from others of the same source, such as ``"wallet", "CNY"``; without zero bytes.
    """
    number = source.int
    # The zero byte, which is in no name, keeps ("a", "bc") apart from ("ab", "c").
    text = "\0".join(map(str, names)).encode()
    digest = int.from_bytes(blake2b(text, digest_size=10, key=number.to_bytes(16, "big")).digest(), "big")
    return UUID(
        int=number & _UPPER_48
        | _VERSION_8
        | (digest >> 62 & 0xFFF) << 64
        | _VARIANT
        | digest & ((1 << 62) - 1)
    )


def is_derived(id_: int) -> bool:
    """Tell whether an id, as a number of 128 bits, is of the kind that only Karez makes."""
    return id_ & KIND_MASK == DERIVED_KIND


def id_at_or_after(now_ns: int) -> int:
    """Return the smallest 128-bit value that an id of this moment may have."""
    return (now_ns // 1_000_000) << 80
