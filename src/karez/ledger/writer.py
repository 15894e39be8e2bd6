"""Exactly one live writer: an advisory lock, and an epoch that every commit must still hold.

The lock keeps a second bookkeeper from starting. The epoch covers what a lock cannot: a writer whose session
was cut off without its knowledge. The one row of ``book_writer`` is updated by every commit under the
writer's epoch; a newer writer has raised the epoch, so the stale one updates nothing and must stop.
"""

from dataclasses import dataclass
from uuid import UUID

import psycopg

from karez.core.ids import NIL
from karez.core.outcomes import Unavailable

_LOCK_KEY = 0x6B61_7265_7A01

_TRY_LOCK = "SELECT pg_try_advisory_lock(%s)"
_TAKE_OVER = """
UPDATE book_writer SET epoch = epoch + 1
RETURNING epoch, last_timestamp_ns, replay_from_ns, newest_id
"""
FENCE = """
UPDATE book_writer SET last_timestamp_ns = %s, replay_from_ns = %s, newest_id = %s WHERE epoch = %s
"""


class Fenced(Exception):
    """This bookkeeper has been replaced by a newer one and must not commit any more."""


@dataclass(frozen=True, slots=True)
class Tenure:
    """What a writer finds when it takes over.

    Attributes:
        epoch: Its own epoch, higher than any before.
        last_timestamp_ns: Timestamp of the last committed transfer.
        replay_from_ns: Transfers after this moment may be missing from balance slices.
        newest_id: Greatest id stored so far.
    """

    epoch: int
    last_timestamp_ns: int
    replay_from_ns: int
    newest_id: UUID = NIL


def take_over(connection: psycopg.Connection) -> Tenure:
    """Become the one writer, in autocommit mode.

    Rejections: ``Unavailable("bookkeeper_running")`` while another one is alive.
    """
    row = connection.execute(_TRY_LOCK, (_LOCK_KEY,)).fetchone()
    if row is None or not row[0]:
        raise Unavailable(
            "bookkeeper_running",
            "Another bookkeeper is writing to this database; stop it first, or wait until its session ends.",
        )
    row = connection.execute(_TAKE_OVER).fetchone()
    assert row is not None
    return Tenure(*row)
