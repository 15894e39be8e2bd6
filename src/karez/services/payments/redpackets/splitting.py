"""How the money of a red packet is split: decided when it is made, and open to proof afterwards.

Equally, everybody gets the same, and the fen that are left over go to the first shares. At random, every way to cut
the amount into so many shares of one fen or more is as likely as any other, so no place in the line is better than
another. The choice comes from a seed that is drawn when the packet is made. Its digest is shown at once and the seed
itself once the packet has ended, so anybody can repeat the split and see that nobody changed it in between.

Worked example: 10 fen in 3 shares are cut at two of the 9 places between two fen. Cut behind the second and the
seventh fen, the shares are 2, 5 and 3.

Sources: the compositions of a number ("stars and bars"), W. Feller, An Introduction to Probability Theory, volume 1,
section II.5; drawing a set of places without trying any twice, J. Bentley and R. Floyd, "A sample of brilliance",
Communications of the ACM 30 (1987), 9.
"""

from collections.abc import Iterator
from hashlib import blake2b, sha256
from itertools import count, pairwise
from typing import Literal

from karez.core.outcomes import Rejected

Split = Literal["equal", "random"]

SHARES_MAX = 100
SEED_SIZE_BYTES = 16

_DRAW_SIZE_BYTES = 8
_DRAWS = 2 ** (8 * _DRAW_SIZE_BYTES)


def shares_of(split: Split, amount_minor: int, share_count: int, seed: bytes) -> tuple[int, ...]:
    """Split an amount.

    Args:
        split: ``equal`` or ``random``.
        amount_minor: How much there is.
        share_count: 1 to ``SHARES_MAX``.
        seed: What decides a random split.

    Returns:
        The shares in minor units; each at least 1, together the amount.

    Rejections: ``shares_too_many``, ``share_too_small``.
    """
    if not 1 <= share_count <= SHARES_MAX:
        raise Rejected(
            "shares_too_many",
            f"A red packet has 1 to {SHARES_MAX} shares, not {share_count}; send several packets.",
        )
    if amount_minor < share_count:
        raise Rejected(
            "share_too_small",
            f"{amount_minor} minor units are too little for {share_count} shares; each is 1 at least.",
        )
    if split == "equal":
        share_minor, left_minor = divmod(amount_minor, share_count)
        return tuple(share_minor + (number < left_minor) for number in range(share_count))
    cuts = sorted(_places(amount_minor - 1, share_count - 1, seed))
    return tuple(end - start for start, end in pairwise((0, *cuts, amount_minor)))


def seed_digest(seed: bytes) -> str:
    """Return what is shown of a seed before the packet has ended: SHA-256 in hexadecimal."""
    return sha256(seed).hexdigest()


def place_in_line(seed: bytes, party: str, free_count: int) -> int:
    """Return which of the free shares somebody reaches for; nobody who does not know the seed can aim.

    Args:
        seed: The packet's.
        party: Who reaches.
        free_count: How many shares are free, at least 1.
    """
    digest = blake2b(party.encode(), digest_size=_DRAW_SIZE_BYTES, key=seed).digest()
    return int.from_bytes(digest, "big") % free_count


def _places(last: int, wanted: int, seed: bytes) -> set[int]:
    """Draw a set of different places from 1 to the last one, every set as likely as any other."""
    draws = _draws(seed)
    places: set[int] = set()
    for newest in range(last - wanted + 1, last + 1):
        place = 1 + _below(newest, draws)
        places.add(newest if place in places else place)
    return places


def _draws(seed: bytes) -> Iterator[int]:
    for number in count():
        digest = blake2b(number.to_bytes(8, "big"), digest_size=_DRAW_SIZE_BYTES, key=seed).digest()
        yield int.from_bytes(digest, "big")


def _below(limit: int, draws: Iterator[int]) -> int:
    """Return a number from 0 to one less than the limit; draws from the uneven rest would favour small numbers."""
    fair = _DRAWS - _DRAWS % limit
    return next(draw for draw in draws if draw < fair) % limit
