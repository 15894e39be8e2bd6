"""The database as a caller may see it: every request's work runs in one transaction behind the tenant wall.

The rooms below speak synchronous psycopg, so their work runs in threads, one for each connection; what would
have to wait for longer than a moment is refused instead.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any, TypeVar
from uuid import UUID

import psycopg
from psycopg_pool import ConnectionPool

from karez.channels.api.caller import Caller
from karez.core.outcomes import Unavailable
from karez.storage.database_errors import explain
from karez.storage.tenant import as_entrance, as_institution, as_operator, as_person, as_vault

Connection = psycopg.Connection[Any]
Acting = Callable[[Connection], AbstractContextManager[None]]
T = TypeVar("T")

_WAITING_MAX = 1_000
_CONNECT_LIMIT_S = 2.0
_STATEMENT_LIMIT_MS = 10_000


class CallerDatabase:
    """A pool of connections of the web login role.

    Args:
        conninfo: Connection string of that role.
        connections: How many at most.
    """

    def __init__(self, conninfo: str, connections: int) -> None:
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            conninfo,
            min_size=1,
            max_size=connections,
            timeout=_CONNECT_LIMIT_S,
            open=False,
            name="karez-web",
            kwargs={"autocommit": True, "options": f"-c statement_timeout={_STATEMENT_LIMIT_MS}"},
        )
        self._threads = ThreadPoolExecutor(connections, "database")
        self._waiting = 0

    def open(self) -> None:
        """Begin to connect; whether that succeeds is seen by the first request."""
        self._pool.open()

    def close(self) -> None:
        """End all connections."""
        self._threads.shutdown()
        self._pool.close()

    async def as_caller(self, caller: Caller, work: Callable[[Connection], T]) -> T:
        """Do something with the rights of whoever is asking: the operator's, an institution's or a party's.

        Args:
            caller: Who is asking.
            work: What to do, with a connection inside a transaction.
        """
        return await self._run(_acting_as(caller), work)

    async def as_party(self, party: UUID, work: Callable[[Connection], T]) -> T:
        """Do something with the rights of a person or shop, for whom the caller was found to act."""
        return await self._run(lambda conn: as_person(conn, party), work)

    async def as_operator(self, work: Callable[[Connection], T]) -> T:
        """Do something with the operator's rights, on behalf of somebody whose own do not reach."""
        return await self._run(as_operator, work)

    async def as_vault(self, party: UUID, work: Callable[[Connection], T]) -> T:
        """Do something with the card numbers of a person or shop that are kept in the vault."""
        return await self._run(lambda conn: as_vault(conn, party), work)

    async def as_entrance(self, work: Callable[[Connection], T]) -> T:
        """Look something up before it is known who is asking."""
        return await self._run(as_entrance, work)

    async def _run(self, acting: Acting, work: Callable[[Connection], T]) -> T:
        if self._waiting >= _WAITING_MAX:
            raise Unavailable("web_busy", "The database's queue in this process is full.", retry_after_s=1)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._work, acting, work)
        finally:
            self._waiting -= 1

    def _work(self, acting: Acting, work: Callable[[Connection], T]) -> T:
        try:
            with self._pool.connection() as conn, acting(conn):
                return work(conn)
        except psycopg.OperationalError as error:
            # A server that was restarted has broken every connection: replace them before the next request.
            self._pool.check()
            raise explain(error) from error
        except psycopg.Error as error:
            raise explain(error) from error


def _acting_as(caller: Caller) -> Acting:
    if caller.is_operator:
        return as_operator
    owner = caller.owner
    if owner.party is not None:
        party = owner.party
        return lambda conn: as_person(conn, party)
    institution = caller.institution
    return lambda conn: as_institution(conn, institution)
