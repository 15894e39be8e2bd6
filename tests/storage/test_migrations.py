"""A database is brought up to date once, whole, by one program at a time."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection

from karez.core.outcomes import Unavailable
from karez.storage.database import Database, connect
from karez.storage.migrations import Migration, find_migrations, migrate

FIRST = Migration(
    "storage", 9001, "trees", "CREATE TABLE tree (id int PRIMARY KEY); INSERT INTO tree VALUES (1)"
)
SECOND = Migration("ledger", 9001, "leaves", "CREATE TABLE leaf (id int PRIMARY KEY)")


@pytest.fixture
def owner(database: Database) -> Iterator[Connection[Any]]:
    with connect(database.owner) as conn:
        yield conn


def with_ours(*steps: Migration) -> list[Migration]:
    return [*find_migrations(), *steps]


def test_steps_are_applied_once_and_recorded(owner: Connection[Any]) -> None:
    assert migrate(owner, with_ours(FIRST, SECOND), now_ns=5) == [FIRST, SECOND]
    assert migrate(owner, with_ours(FIRST, SECOND), now_ns=6) == []
    assert owner.execute(
        "SELECT room, name, checksum, applied_ns FROM karez_migration WHERE number = 9001 ORDER BY room"
    ).fetchall() == [("ledger", "leaves", SECOND.checksum, 5), ("storage", "trees", FIRST.checksum, 5)]
    assert owner.execute("SELECT id FROM tree").fetchall() == [(1,)]


def test_a_step_that_was_edited_after_it_was_applied_is_refused(owner: Connection[Any]) -> None:
    migrate(owner, with_ours(FIRST), now_ns=5)
    edited = Migration(FIRST.room, FIRST.number, FIRST.name, FIRST.text + " -- edited")
    with pytest.raises(Unavailable) as refusal:
        migrate(owner, with_ours(edited, SECOND), now_ns=6)
    assert refusal.value.code == "migration_changed"
    assert "storage/9001_trees" in refusal.value.sentence
    assert owner.execute("SELECT to_regclass('leaf')").fetchone() == (None,)


def test_a_database_of_a_newer_release_is_refused(owner: Connection[Any]) -> None:
    migrate(owner, with_ours(FIRST), now_ns=5)
    with pytest.raises(Unavailable) as refusal:
        migrate(owner, with_ours(), now_ns=6)
    assert refusal.value.code == "database_too_new"
    assert "storage/9001_trees" in refusal.value.sentence


def test_nothing_of_a_step_that_fails_is_kept_and_it_succeeds_once_corrected(owner: Connection[Any]) -> None:
    broken = Migration("storage", 9001, "trees", "CREATE TABLE tree (id int PRIMARY KEY); SELECT 1 / 0")
    with pytest.raises(Unavailable) as refusal:
        migrate(owner, with_ours(broken), now_ns=5)
    assert refusal.value.code == "migration_failed"
    assert "storage/9001_trees failed at 'SELECT 1 / 0' (division by zero)" in refusal.value.sentence
    assert migrate(owner, with_ours(FIRST), now_ns=6) == [FIRST]


def test_racing_programs_apply_each_step_once(database: Database) -> None:
    steps = [
        Migration("storage", 9000 + number, "step", f"CREATE TABLE t{number} (id int PRIMARY KEY)")
        for number in range(10)
    ]

    def one_program(moment_ns: int) -> list[Migration]:
        with connect(database.owner) as conn:
            return migrate(conn, with_ours(*steps), now_ns=moment_ns)

    with ThreadPoolExecutor(6) as programs:
        applied = [step for steps in programs.map(one_program, range(6)) for step in steps]
    assert applied == steps


def test_the_steps_of_lower_floors_come_first(tmp_path: Path) -> None:
    for place, name in (
        ("channels/alipay", "0001_gateway.sql"),
        ("storage", "0002_jobs.sql"),
        ("storage", "0001_reference.sql"),
        ("services/payments", "0001_orders.sql"),
        ("ledger", "0001_book.sql"),
    ):
        (tmp_path / place / "migrations").mkdir(parents=True, exist_ok=True)
        (tmp_path / place / "migrations" / name).write_text("SELECT 1")
    assert [str(step) for step in find_migrations(tmp_path)] == [
        "storage/0001_reference",
        "storage/0002_jobs",
        "ledger/0001_book",
        "services/payments/0001_orders",
        "channels/alipay/0001_gateway",
    ]


@pytest.mark.parametrize("name", ["1_short.sql", "0001-dash.sql", "first.sql"])
def test_a_file_that_is_not_named_like_a_step_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "storage" / "migrations").mkdir(parents=True)
    (tmp_path / "storage" / "migrations" / name).write_text("SELECT 1")
    with pytest.raises(ValueError, match="named like"):
        find_migrations(tmp_path)


def test_two_steps_with_one_number_are_refused(tmp_path: Path) -> None:
    (tmp_path / "storage" / "migrations").mkdir(parents=True)
    for name in ("0001_a.sql", "0001_b.sql"):
        (tmp_path / "storage" / "migrations" / name).write_text("SELECT 1")
    with pytest.raises(ValueError, match="same number"):
        find_migrations(tmp_path)
