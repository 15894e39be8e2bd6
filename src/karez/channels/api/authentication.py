"""Finds out who is asking from ``Authorization: Bearer kz_...``.

A verified credential is kept for a few seconds, so that most requests need no database; a revocation made by
another process takes effect when it is dropped. A refused token is kept for a moment too, so that a program
with a wrong one does not keep the database busy. Tokens are kept by their digest only.
"""

import asyncio
import time
from hashlib import sha256
from uuid import UUID

from karez.channels.api.caller import Caller
from karez.channels.api.caller_database import CallerDatabase
from karez.channels.api.problems import Unauthenticated
from karez.channels.api.rate_limits import Allowances
from karez.core.clock import Clock
from karez.core.outcomes import Rejected
from karez.parties import credentials

VERIFIED_KEPT_S = 5.0
REFUSED_KEPT_S = 1.0

_SCHEME = b"bearer "
_KEPT_MAX = 10_000

Kept = tuple[float, Caller | Rejected]
"""Until when, and what was found."""


class Authentication:
    """Callers by their token.

    Args:
        database: Where credentials are looked up.
        clock: Tells whether they have expired.
        allowances: Their rate limits.
    """

    def __init__(self, database: CallerDatabase, clock: Clock, allowances: Allowances) -> None:
        self._database = database
        self._clock = clock
        self._allowances = allowances
        self._kept: dict[bytes, Kept] = {}
        self._looked_up: dict[bytes, asyncio.Future[Caller | Rejected]] = {}

    def remembered(self, authorization: bytes | None) -> Caller | None:
        """Return the caller if its credential was verified in the last seconds.

        Args:
            authorization: The value of the header, if there is one.
        """
        if authorization is None:
            return None
        kept = self._kept.get(sha256(authorization).digest())
        if kept is None or kept[0] < time.monotonic():
            return None
        caller = kept[1]
        return caller if isinstance(caller, Caller) and caller.expires_ns > self._clock.now_ns() else None

    async def find(self, authorization: bytes | None) -> Caller:
        """Return the caller.

        Args:
            authorization: The value of the header, if there is one.

        Raises:
            Unauthenticated: ``credential_missing``, or what ``karez.parties.tokens`` says.

        Rejections: ``institution_suspended``.
        """
        if authorization is None or authorization[: len(_SCHEME)].lower() != _SCHEME:
            raise Unauthenticated(
                Rejected(
                    "credential_missing",
                    "The request does not say who you are; send the header Authorization: Bearer kz_... with "
                    "your token.",
                )
            )
        caller = self.remembered(authorization)
        if caller is not None:
            return caller
        found = await self._find(sha256(authorization).digest(), authorization[len(_SCHEME) :])
        if isinstance(found, Caller):
            return found
        if found.code == "institution_suspended":
            raise Rejected(found.code, found.sentence)
        raise Unauthenticated(found)

    def forget(self, credential: UUID) -> None:
        """Drop what is kept of a credential that was revoked or rotated."""
        self._kept = {
            digest: kept
            for digest, kept in self._kept.items()
            if not (isinstance(kept[1], Caller) and kept[1].credential == credential)
        }

    async def _find(self, digest: bytes, token: bytes) -> Caller | Rejected:
        """Look a token up once, however many requests come with it at the same time."""
        kept = self._kept.get(digest)
        if kept is not None and isinstance(kept[1], Rejected) and kept[0] >= time.monotonic():
            return kept[1]
        pending = self._looked_up.get(digest)
        if pending is not None:
            return await asyncio.shield(pending)
        future = self._looked_up[digest] = asyncio.ensure_future(self._look_up(token))
        future.add_done_callback(lambda _: self._looked_up.pop(digest))
        found = await asyncio.shield(future)
        kept_s = VERIFIED_KEPT_S if isinstance(found, Caller) else REFUSED_KEPT_S
        self.keep(digest, (time.monotonic() + kept_s, found))
        return found

    async def _look_up(self, token: bytes) -> Caller | Rejected:
        text = token.strip().decode("latin-1")
        now_ns = self._clock.now_ns()
        try:
            credential = await self._database.as_entrance(lambda conn: credentials.verify(conn, text, now_ns))
        except Rejected as refusal:
            return refusal
        return Caller(credential, self._allowances.of(credential.id, time.monotonic()))

    def keep(self, digest: bytes, kept: Kept) -> None:
        """Remember what a token stands for.

        Args:
            digest: SHA-256 of the header's value.
            kept: Until which reading of the monotonic clock, and what.
        """
        self._kept.pop(digest, None)
        if len(self._kept) >= _KEPT_MAX:
            del self._kept[next(iter(self._kept))]
        self._kept[digest] = kept
