"""Each trouble of a database has one code, and its sentence tells what to do."""

import contextlib
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import errors

from karez.core.outcomes import Unavailable
from karez.storage.database import Database, connect
from karez.storage.database_errors import explain
from karez.storage.embedded import EmbeddedPostgres


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.DiskFull("could not extend file"), "disk_full"),
        (errors.TooManyConnections("sorry, too many clients already"), "too_many_connections"),
        (errors.CannotConnectNow("the database system is starting up"), "database_starting"),
        (errors.InvalidPassword("password authentication failed"), "login_refused"),
        (errors.InvalidCatalogName('database "x" does not exist'), "database_missing"),
        (errors.AdminShutdown("terminating connection"), "database_gone"),
        (errors.CrashShutdown("terminating connection"), "database_gone"),
        (errors.ConnectionFailure("gone"), "database_gone"),
        (errors.InsufficientPrivilege("permission denied"), "no_rights"),
        (errors.ReadOnlySqlTransaction("cannot execute INSERT"), "database_read_only"),
        (errors.SerializationFailure("could not serialize access"), "database_conflict"),
        (errors.DeadlockDetected("deadlock detected"), "database_conflict"),
        (errors.LockNotAvailable("could not obtain lock"), "database_conflict"),
        (errors.QueryCanceled("canceling statement due to timeout"), "database_slow"),
        (errors.DataCorrupted("invalid page"), "database_damaged"),
        (errors.IoError("could not read block"), "database_damaged"),
        (errors.OutOfMemory("out of memory"), "database_overloaded"),
        (errors.UndefinedTable('relation "x" does not exist'), "database_failed"),
        (psycopg.OperationalError("server closed the connection unexpectedly"), "database_gone"),
        (psycopg.OperationalError("FATAL: sorry, too many clients already"), "too_many_connections"),
        (psycopg.OperationalError("FATAL: the database system is shutting down"), "database_starting"),
        (psycopg.OperationalError("connection timeout expired"), "database_gone"),
        (psycopg.ProgrammingError("can't adapt type"), "database_failed"),
        (psycopg.OperationalError(), "database_gone"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_an_error_has_one_meaning(error: psycopg.Error, code: str) -> None:
    assert explain(error).code == code


def test_the_sentence_is_one_and_names_the_servers_reason() -> None:
    told = explain(errors.InsufficientPrivilege("permission denied for table unit.\nDETAIL: more"))
    assert "(permission denied for table unit)" in told.sentence
    assert "\n" not in told.sentence
    assert told.sentence.endswith(".")


def test_a_server_without_a_free_connection_is_told(tmp_path: Path) -> None:
    few = {"max_connections": "5", "superuser_reserved_connections": "1", "max_wal_senders": "0"}
    with EmbeddedPostgres(tmp_path, few) as server, contextlib.ExitStack() as connections:
        for _ in range(5):
            connections.enter_context(connect(server.conninfo()))
        with pytest.raises(Unavailable) as refusal:
            connect(server.conninfo())
    assert refusal.value.code == "too_many_connections"
    assert refusal.value.retry_after_s


def test_a_killed_connection_is_told(database: Database) -> None:
    def lose(conn: psycopg.Connection[Any]) -> None:
        with connect(database.owner) as owner:
            owner.execute("SELECT pg_terminate_backend(%s)", (conn.info.backend_pid,))
        while True:
            conn.execute("SELECT 1")

    with connect(database.book) as conn:
        with pytest.raises(psycopg.OperationalError) as first:
            lose(conn)
        with pytest.raises(psycopg.OperationalError) as second:
            conn.execute("SELECT 1")
    assert explain(first.value).code == explain(second.value).code == "database_gone"
