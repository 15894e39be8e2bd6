"""A real ``karez up``, and how to find and end each of its processes."""

import asyncio
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from uuid import UUID

from psycopg.conninfo import make_conninfo

from karez.cli.run_directory import RunDirectory
from karez.core.outcomes import Unavailable
from karez.ledger.client import BookClient
from karez.ledger.model import Balance
from karez.storage.database import EMBEDDED_DATABASE, Database, describe_database
from karez.storage.embedded.cluster import OWNER_ROLE
from karez.storage.secret_keys import secret_from_file, secret_key
from tests.faults.lone_bookkeeper import REPOSITORY

ROLES = ("bookkeeper", "worker", "web")
WEB_COUNT = 2
START_LIMIT_S = 120.0

_STOP_LIMIT_S = 60.0
_POLL_S = 0.02
_LAST_WORDS_COUNT = 60
_PROC = Path("/proc")
# Below the ports that the system hands out to programs that ask for any.
_PORTS = range(20_000, 30_000)


class NotReady(Exception):
    """The system did not become ready in time."""


class System:
    """One Karez with everything that belongs to it.

    Args:
        data_dir: Its data directory, with a short path.
        environment: Variables that it gets besides our own.
    """

    def __init__(self, data_dir: Path, environment: Mapping[str, str]) -> None:
        self.data_dir = data_dir
        self.port = _free_port()
        self.log = data_dir.with_suffix(".log")
        self._environment = {**os.environ, **environment, "KAREZ_DATA_DIR": str(data_dir)}
        self._environment.pop("KAREZ_DATABASE_URL", None)
        self._supervisor: subprocess.Popen[bytes] | None = None
        self._orphans: set[int] = set()

    @property
    def bookkeeper_socket(self) -> Path:
        """Where the bookkeeper listens."""
        return RunDirectory(self.data_dir).bookkeeper_socket

    @property
    def second_socket(self) -> Path:
        """Where a second bookkeeper listens now and then."""
        return self.data_dir / "second"

    def database(self) -> Database:
        """Return the connection strings of the running database."""
        password = secret_from_file(self.data_dir / "postgres.password")
        place = str((self.data_dir / "socket").resolve())
        owner = make_conninfo(host=place, port=5432, user=OWNER_ROLE, password=password)
        return describe_database(owner, EMBEDDED_DATABASE, secret_key(None, self.data_dir))

    def start(self) -> None:
        """Run ``karez up``; ``wait_until_ready`` tells when it serves."""
        with self.log.open("ab") as log:
            self._supervisor = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "karez.cli",
                    "up",
                    "--workers",
                    str(WEB_COUNT),
                    "--port",
                    str(self.port),
                ],
                cwd=REPOSITORY,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait_until_ready(self, but_not: frozenset[int] = frozenset()) -> None:
        """Return when every process is there and both ways to the book are open.

        Args:
            but_not: Processes that were ended and do not count although they may still be visible.

        Raises:
            NotReady: Not in time.
        """
        deadline = time.monotonic() + START_LIMIT_S
        while not self._is_ready(but_not):
            if time.monotonic() > deadline:
                raise NotReady(f"not ready after {START_LIMIT_S:.0f} s")
            if self._supervisor is None or self._supervisor.poll() is not None:
                # Whoever runs a service starts it again when it ends, as long as something is in its way.
                time.sleep(_POLL_S)
                self.start()
            time.sleep(_POLL_S)

    def _is_ready(self, but_not: frozenset[int]) -> bool:
        counts = {name: len(set(self.pids(name)) - but_not) for name in ROLES}
        if counts != {"bookkeeper": 1, "worker": 1, "web": WEB_COUNT}:
            return False
        try:
            asyncio.run(_ask_bookkeeper(self.bookkeeper_socket))
            with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return RunDirectory(self.data_dir).address() is not None
        except (Unavailable, TimeoutError, OSError):
            return False

    def pids(self, name: str) -> list[int]:
        """Return the processes of the present ``karez up`` that play a role.

        Args:
            name: ``bookkeeper``, ``worker`` or ``web``.
        """
        supervisor = self.supervisor_pid
        return [] if supervisor is None else [pid for pid, role in _children(supervisor) if role == name]

    @property
    def supervisor_pid(self) -> int | None:
        """The process of ``karez up``."""
        if self._supervisor is None or self._supervisor.poll() is not None:
            return None
        return self._supervisor.pid

    def postmaster(self) -> int:
        """Return the main process of PostgreSQL, which runs."""
        return int((self.data_dir / "postgres" / "postmaster.pid").read_text().splitlines()[0])

    def kill_supervisor(self) -> None:
        """End ``karez up`` as ``kill -9`` does; its children are left to themselves."""
        assert self._supervisor is not None
        self._orphans.update(pid for pid, _ in _children(self._supervisor.pid))
        self._supervisor.kill()
        self._supervisor.wait()

    def balances(self, accounts: list[UUID]) -> dict[UUID, Balance | None]:
        """Ask the bookkeeper for balances."""

        async def ask() -> list[Balance | None]:
            client = BookClient(self.bookkeeper_socket)
            try:
                return await asyncio.wait_for(client.balances(accounts), START_LIMIT_S)
            finally:
                client.close()

        return dict(zip(accounts, asyncio.run(ask()), strict=True))

    def stop(self) -> None:
        """End everything, in order if it lets us, and also what an earlier ``karez up`` has left behind."""
        if self._supervisor is not None:
            self._supervisor.terminate()
            try:
                self._supervisor.wait(_STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                self.kill_supervisor()
        for pid in self._orphans:
            if _role(pid) is not None:
                kill(pid)

    def last_words(self) -> list[str]:
        """Return the end of what Karez has said, without the requests that it has logged."""
        lines = self.log.read_text("utf-8", "replace").splitlines()
        return [line for line in lines if not line.startswith("{")][-_LAST_WORDS_COUNT:]


async def _ask_bookkeeper(path: Path) -> None:
    client = BookClient(path)
    try:
        await asyncio.wait_for(client.statistics(), 2)
    finally:
        client.close()


def _children(parent: int) -> Iterator[tuple[int, str]]:
    """Yield the id and role of each process that a supervisor has started."""
    for pid in _children_ids(parent):
        role = _role(pid)
        if role is not None:
            yield pid, role


def _role(pid: int) -> str | None:
    """Return what a process of Karez does, nothing if it is gone or is none of Karez."""
    with suppress(OSError):
        words = (_PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
        if b"karez.cli" in words and b"process" in words:
            return words[words.index(b"process") + 1].decode().split()[0]
    return None


def _children_ids(parent: int) -> list[int]:
    ids: list[int] = []
    for tasks in (_PROC / str(parent) / "task").glob("*/children"):
        with suppress(OSError):
            ids += map(int, tasks.read_text().split())
    return ids


def kill(pid: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Send a signal to a process that may have ended meanwhile."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _free_port() -> int:
    for port in random.sample(_PORTS, 100):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise NotReady("none of a hundred ports is free")
