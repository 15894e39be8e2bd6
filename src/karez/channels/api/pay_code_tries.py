"""How often a shop may be wrong about pay codes, so that it can guess neither a code nor what a payer has.

Whoever is refused because a code is unknown, or because a payer cannot pay so much, pays for it with a token. With 30
of them a minute and a million codes open at once, a guess hits one in 600 years.
"""

import time
from uuid import UUID

from karez.channels.api.rate_limits import Bucket

_TRIES, _WINDOW_S = 30, 60
_REMEMBERED_MAX = 100_000
_COUNTED = frozenset({"pay_code_unknown", "balance_too_low", "payment_limit_exceeded", "day_limit_exceeded"})


class PayCodeTries:
    """What shops have left of their tries, in this process."""

    def __init__(self) -> None:
        self._by_shop: dict[UUID, Bucket] = {}

    def check(self, shop: UUID) -> None:
        """Refuse a shop that was wrong too often.

        Rejections: ``rate_limited`` with ``retry_after_s``.
        """
        if shop in self._by_shop:
            self._by_shop[shop].take(0, time.monotonic())

    def count(self, shop: UUID, code: str) -> None:
        """Remember why a shop was refused, after ``check``.

        Args:
            shop: Which.
            code: Of the refusal.
        """
        if code not in _COUNTED:
            return
        bucket = self._by_shop.pop(shop, None) or Bucket(
            "pay codes that were refused", _TRIES, _WINDOW_S, time.monotonic()
        )
        # What was asked at once may go below zero together, and is waited for later.
        bucket.left -= 1
        self._by_shop[shop] = bucket
        if len(self._by_shop) > _REMEMBERED_MAX:
            del self._by_shop[next(iter(self._by_shop))]
