"""For whom institutions may act, remembered for a few seconds so that most requests need no look-up.

What requests ask at the same time is looked up together.
"""

import asyncio
import time
from collections.abc import Collection, Mapping
from uuid import UUID

from karez.channels.api.caller import Caller
from karez.channels.api.caller_database import CallerDatabase
from karez.parties import people
from karez.parties.people import Party

_KEPT_S = 5.0
_KEPT_MAX = 100_000
_UNDER_WAY_MAX = 2


class _Question:
    """The parties that several requests of one institution ask for."""

    def __init__(self) -> None:
        self.parties: set[UUID] = set()
        self.answer: asyncio.Task[Mapping[UUID, Party]]


class Represented:
    """The parties for whom institutions were found to act, remembered for a few seconds.

    Args:
        database: Where parties are looked up.
    """

    def __init__(self, database: CallerDatabase) -> None:
        self._database = database
        self._until_s: dict[tuple[int, UUID], float] = {}
        self._waiting: dict[int, _Question] = {}
        self._turns = asyncio.Semaphore(_UNDER_WAY_MAX)

    def has(self, institution: int, party: UUID) -> bool:
        """Tell whether the institution was found to act for the party a moment ago."""
        return self._until_s.get((institution, party), 0.0) > time.monotonic()

    def keep(self, institution: int, party: UUID) -> None:
        """Remember that it does."""
        if len(self._until_s) >= _KEPT_MAX:
            self._until_s.clear()
        self._until_s[institution, party] = time.monotonic() + _KEPT_S

    async def look_up(self, caller: Caller, parties: Collection[UUID]) -> Mapping[UUID, Party]:
        """Return what an institution may know of parties, perhaps with others that were asked for meanwhile.

        Args:
            caller: Who asks, for an institution.
            parties: Their ids.
        """
        institution = caller.institution
        question = self._waiting.get(institution)
        if question is None:
            question = self._waiting[institution] = _Question()
            question.answer = asyncio.ensure_future(self._ask(caller, question))
        question.parties.update(parties)
        # One of the requests may be given up; the others still need the answer.
        return await asyncio.shield(question.answer)

    async def _ask(self, caller: Caller, question: _Question) -> Mapping[UUID, Party]:
        async with self._turns:
            del self._waiting[caller.institution]
            return await self._database.as_caller(caller, lambda conn: people.known(conn, question.parties))
