"""For whom institutions may act, remembered for a few seconds so that most requests need no look-up."""

import time
from uuid import UUID

_KEPT_S = 5.0
_KEPT_MAX = 100_000


class Represented:
    """The parties for whom institutions were found to act, remembered for a few seconds."""

    def __init__(self) -> None:
        self._until_s: dict[tuple[int, UUID], float] = {}

    def has(self, institution: int, party: UUID) -> bool:
        """Tell whether the institution was found to act for the party a moment ago."""
        return self._until_s.get((institution, party), 0.0) > time.monotonic()

    def keep(self, institution: int, party: UUID) -> None:
        """Remember that it does."""
        if len(self._until_s) >= _KEPT_MAX:
            self._until_s.clear()
        self._until_s[institution, party] = time.monotonic() + _KEPT_S
