"""Many ids at once: from text to the two 64-bit halves that the book knows them by.

Parsing 8,192 UUIDs one by one costs more than everything else that a batch needs, so the texts are laid end to
end and decoded as one.
"""

import re

import numpy as np
from numpy.typing import NDArray

from karez.channels.api.bodies import invalid_field

_HYPHENATED = 36
_PLAIN = 32
_HYPHENS_AT = (8, 13, 18, 23)
_DIGITS_AT = np.array([place for place in range(_HYPHENATED) if place not in _HYPHENS_AT])

Halves = tuple[NDArray[np.uint64], NDArray[np.uint64]]


def id_halves(texts: list[str], field: str) -> Halves:
    """Return the upper and the lower halves of ids.

    Args:
        texts: Each 32 hexadecimal digits, or a UUID with its hyphens.
        field: Where an id stands, with ``{}`` for its index, such as ``columns.id[{}]``.

    Returns:
        Two arrays of uint64.

    Rejections: ``field_invalid`` for the first text that is no id.
    """
    decoded = _decode(texts)
    if decoded is None:
        decoded = b"".join(_decode_one(text, field.format(index)) for index, text in enumerate(texts))
    halves = np.frombuffer(decoded, ">u8").astype(np.uint64)
    return halves[::2], halves[1::2]


def _decode(texts: list[str]) -> bytes | None:
    """Decode all of them at once, if they are all well-formed and all written in the same way."""
    count, joined = len(texts), "".join(texts)
    size = len(texts[0]) if count else _PLAIN
    if not joined.isascii() or set(map(len, texts)) - {size} or size not in (_PLAIN, _HYPHENATED):
        return None
    if size == _HYPHENATED:
        letters = np.frombuffer(joined.encode("ascii"), np.uint8).reshape(count, size)
        if (letters[:, _HYPHENS_AT] != ord("-")).any():
            return None
        joined = letters[:, _DIGITS_AT].tobytes().decode("ascii")
    try:
        decoded = bytes.fromhex(joined)
    except ValueError:
        return None
    # fromhex() passes over white space, so with any there are too few bytes.
    return decoded if len(decoded) == 16 * count else None


def _decode_one(text: str, field: str) -> bytes:
    hyphenated = len(text) == _HYPHENATED and all(text[place] == "-" for place in _HYPHENS_AT)
    digits = text.replace("-", "") if hyphenated else text
    if re.fullmatch(r"[0-9A-Fa-f]{32}", digits) is None:
        raise invalid_field(field, "it is not a UUID")
    return bytes.fromhex(digits)
