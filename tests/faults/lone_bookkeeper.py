"""A bookkeeper that no ``karez up`` looks after: as a second writer, or to be stopped at an exact point.

Run as ``python -m tests.faults.lone_bookkeeper``; what it is told comes as one line of JSON on the standard input.
"""

import asyncio
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec
import psycopg

from karez.core.clock import SystemClock
from karez.ledger import writer
from karez.ledger.service import serve
from tests.faults.short_run import hurry

REPOSITORY = Path(__file__).parents[2]

_READY = "ready"
_POLL_S = 0.01


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """What the process is told.

    Attributes:
        database: Connection string of the bookkeeper's login role.
        socket: Where to listen.
        without_lock: Start although another bookkeeper holds the advisory lock, as behind a pooler that hands
            the session to somebody else.
        pause_before: Stand still before a statement that begins so, as long as the file ``armed`` exists.
        pause_after: Likewise after it.
        armed: Where that file is.
        paused: The file that is made when it stands still.
    """

    database: str
    socket: str
    without_lock: bool = False
    pause_before: str | None = None
    pause_after: str | None = None
    armed: str = ""
    paused: str = ""


class LoneBookkeeper:
    """The process, seen from outside.

    Args:
        orders: What it is told.
    """

    def __init__(self, orders: Orders) -> None:
        self.socket = Path(orders.socket)
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__], cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._process.stdin is not None
        with self._process.stdin as pipe:
            pipe.write(msgspec.json.encode(orders) + b"\n")

    def wait_until_ready(self) -> bool:
        """Return true when it listens, false if it ended before."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().decode().strip() == _READY

    def wait_until_ended(self, limit_s: float) -> bool:
        """Return whether it ended by itself within a time."""
        try:
            self._process.wait(limit_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self) -> None:
        """End it as ``kill -9`` does, and remove its socket."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self.socket.unlink(missing_ok=True)


def _pause_at(orders: Orders) -> None:
    """Make the process stand still in the middle of its work, to be killed or replaced there."""
    execute = psycopg.Connection.execute
    armed, paused = Path(orders.armed), Path(orders.paused)

    def stand_still_if(point: str | None, query: object) -> None:
        if point and isinstance(query, str) and query.lstrip().startswith(point) and armed.exists():
            paused.touch()
            while armed.exists():
                time.sleep(_POLL_S)

    def execute_and_pause(connection: psycopg.Connection[Any], query: Any, *args: Any, **kwargs: Any) -> Any:
        stand_still_if(orders.pause_before, query)
        cursor = execute(connection, query, *args, **kwargs)
        stand_still_if(orders.pause_after, query)
        return cursor

    patch.object(psycopg.Connection, "execute", execute_and_pause).start()


def main() -> None:
    """Be the bookkeeper."""
    orders = msgspec.json.decode(sys.stdin.readline(), type=Orders)
    hurry()
    if orders.without_lock:
        patch.object(writer, "_TRY_LOCK", "SELECT %s IS NOT NULL").start()
    if orders.pause_before or orders.pause_after:
        _pause_at(orders)
    with suppress(writer.Fenced):
        asyncio.run(serve(orders.database, Path(orders.socket), SystemClock(), _say_ready))


def _say_ready() -> None:
    print(_READY, flush=True)


if __name__ == "__main__":
    main()
