"""Bringing a database to the state that this program expects.

Each room keeps its steps as ``migrations/NNNN_name.sql``. A step is applied once, whole or not at all, and is
never edited afterwards: its checksum is kept in ``karez_migration``. Steps of lower floors come first.
"""

import hashlib
import itertools
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from karez.core.outcomes import Unavailable
from karez.storage.statements import split_statements

FLOORS = ("storage", "ledger", "parties", "engines", "services", "channels")

_PACKAGE = Path(__file__).resolve().parent.parent
_FILE_NAME = re.compile(r"(?P<number>\d{4})_(?P<name>\w+)\.sql")
_LOCK_KEY = 0x6B_61_72_65_7A  # "karez"
_LOCK_LIMIT_S = 600.0
_POLL_S = 0.02

_CREATE_JOURNAL = """
CREATE TABLE IF NOT EXISTS karez_migration (
    room text NOT NULL,
    number integer NOT NULL,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_ns bigint NOT NULL,
    PRIMARY KEY (room, number)
)
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One step.

    Attributes:
        room: The room's place in the package, such as ``storage`` or ``services/payments``.
        number: Its place in the room's order.
        name: What it is about.
        text: Its SQL.
    """

    room: str
    number: int
    name: str
    text: str

    @property
    def checksum(self) -> str:
        """Return the SHA-256 of the text, in hexadecimal."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def __str__(self) -> str:
        return f"{self.room}/{self.number:04}_{self.name}"


def find_migrations(package: Path = _PACKAGE) -> list[Migration]:
    """Read the steps of all rooms, in the order in which they are applied.

    Args:
        package: Directory of the package ``karez``.
    """
    migrations = []
    for path in package.glob("**/migrations/*.sql"):
        match = _FILE_NAME.fullmatch(path.name)
        if match is None:
            raise ValueError(f"{path}: a migration is named like 0001_reference.sql")
        room = path.parent.parent.relative_to(package).as_posix()
        migrations.append(Migration(room, int(match["number"]), match["name"], path.read_text("utf-8")))
    migrations.sort(key=lambda step: (FLOORS.index(step.room.split("/")[0]), step.room, step.number))
    for earlier, later in itertools.pairwise(migrations):
        if (earlier.room, earlier.number) == (later.room, later.number):
            raise ValueError(f"{earlier} and {later} have the same number")
    return migrations


def migrate(conn: psycopg.Connection[Any], migrations: Sequence[Migration], now_ns: int) -> list[Migration]:
    """Apply what is missing, and return it; several programs may do so at the same time.

    Args:
        conn: An autocommit connection of the owner.
        migrations: All steps that this program knows, in order.
        now_ns: The moment to record.

    Raises:
        Unavailable: ``migration_changed``, ``database_too_new``, ``migration_failed`` or
            ``migration_lock_busy``.
    """
    with _migration_lock(conn):
        conn.execute(_CREATE_JOURNAL)
        rows = conn.execute("SELECT room, number, name, checksum FROM karez_migration").fetchall()
        applied = {(room, number): (name, checksum) for room, number, name, checksum in rows}
        _refuse_other_history(migrations, applied)
        missing = [step for step in migrations if (step.room, step.number) not in applied]
        for step in missing:
            _apply(conn, step, now_ns)
        return missing


def _refuse_other_history(
    migrations: Iterable[Migration], applied: dict[tuple[str, int], tuple[str, str]]
) -> None:
    known = set()
    for step in migrations:
        known.add((step.room, step.number))
        name, checksum = applied.get((step.room, step.number), (step.name, step.checksum))
        if checksum != step.checksum:
            raise Unavailable(
                "migration_changed",
                f"The migration {step} differs from {step.room}/{step.number:04}_{name}, with which this "
                "database was made; install the release of Karez that made it, and put changes into a new "
                "migration.",
            )
    for (room, number), (name, _) in sorted(applied.items()):
        if (room, number) not in known:
            raise Unavailable(
                "database_too_new",
                f"The database has the migration {room}/{number:04}_{name}, which this release of Karez does "
                "not know; install the release that made it, or a newer one.",
            )


def _apply(conn: psycopg.Connection[Any], step: Migration, now_ns: int) -> None:
    with conn.transaction():
        for statement in split_statements(step.text):
            try:
                conn.execute(statement.encode())
            except (psycopg.errors.InsufficientPrivilege, psycopg.OperationalError):
                raise  # about the server, not about the step
            except psycopg.Error as error:
                first_line = statement.splitlines()[0]
                raise Unavailable(
                    "migration_failed",
                    f"The migration {step} failed at '{first_line}' ({error}) and nothing of it was kept; "
                    "correct the cause, then start Karez again.",
                ) from error
        conn.execute(
            "INSERT INTO karez_migration (room, number, name, checksum, applied_ns)"
            " VALUES (%s, %s, %s, %s, %s)",
            (step.room, step.number, step.name, step.checksum, now_ns),
        )


@contextmanager
def _migration_lock(conn: psycopg.Connection[Any]) -> Iterator[None]:
    """Ask again and again instead of waiting in the lock: a waiter holds a snapshot, and an index that the
    other one builds concurrently would wait for it for ever."""
    deadline = time.monotonic() + _LOCK_LIMIT_S
    while not _take_lock(conn):
        if time.monotonic() > deadline:
            raise Unavailable(
                "migration_lock_busy",
                f"Another program has been migrating this database for more than {_LOCK_LIMIT_S:.0f} s; wait "
                "for it or end it, then start Karez again.",
            )
        time.sleep(_POLL_S)
    try:
        yield
    finally:
        if not conn.broken:
            conn.execute("SELECT pg_advisory_unlock(%s)", (_LOCK_KEY,))


def _take_lock(conn: psycopg.Connection[Any]) -> bool:
    row = conn.execute("SELECT pg_try_advisory_lock(%s)", (_LOCK_KEY,)).fetchone()
    return row is not None and bool(row[0])
