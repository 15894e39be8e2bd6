"""The tenant wall: a caller sees and writes its own rows, for one transaction."""

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import AsyncConnection, Connection, errors

from karez.storage.database import Database, connect, connect_async
from karez.storage.tenant import (
    as_entrance,
    as_entrance_async,
    as_institution,
    as_institution_async,
    as_operator,
    as_operator_async,
    as_person,
    as_person_async,
)

ANNA = UUID("00000000-0000-7000-8000-00000000000a")
BORIS = UUID("00000000-0000-7000-8000-00000000000b")

# A table as the rooms above make them: rows of an institution that concern a person.
POLICIES = """
CREATE TABLE contract (institution int, party uuid, note text, PRIMARY KEY (institution, party));
ALTER TABLE contract ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON contract TO karez_institution
    USING (institution = nullif(current_setting('app.institution', true), '')::int);
CREATE POLICY party ON contract TO karez_person
    USING (party = nullif(current_setting('app.party', true), '')::uuid);
CREATE POLICY all_rows ON contract TO karez_operator USING (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON contract TO karez_institution, karez_operator;
GRANT SELECT ON contract TO karez_person;
INSERT INTO contract VALUES (7, '00000000-0000-7000-8000-00000000000a', 'seven and Anna'),
    (8, '00000000-0000-7000-8000-00000000000a', 'eight and Anna'),
    (8, '00000000-0000-7000-8000-00000000000b', 'eight and Boris')
"""
READ = "SELECT note FROM contract ORDER BY institution, party"


@pytest.fixture
def web(database: Database) -> Iterator[Connection[Any]]:
    with connect(database.owner) as owner:
        owner.execute(POLICIES.encode())
    with connect(database.web) as conn:
        yield conn


class Fault(Exception):
    """Any failure of the caller's own code."""


def write_and_fail(conn: Connection[Any]) -> None:
    with as_institution(conn, 7):
        conn.execute("UPDATE contract SET note = 'undone'")
        raise Fault


def swallow_an_error(conn: Connection[Any]) -> None:
    with as_institution(conn, 7), contextlib.suppress(errors.UniqueViolation):
        conn.execute("INSERT INTO contract VALUES (7, %s, 'again')", (ANNA,))


def lose_the_connection(conn: Connection[Any], owner: Connection[Any]) -> None:
    with as_institution(conn, 7):
        owner.execute("SELECT pg_terminate_backend(%s)", (conn.info.backend_pid,))
        while True:
            notes(conn)


def notes(conn: Connection[Any]) -> list[str]:
    return [note for (note,) in conn.execute(READ.encode()).fetchall()]


def test_an_institution_sees_its_own_rows_only(web: Connection[Any]) -> None:
    with as_institution(web, 7):
        assert notes(web) == ["seven and Anna"]
    with as_institution(web, 8):
        assert notes(web) == ["eight and Anna", "eight and Boris"]


def test_a_person_sees_their_rows_at_every_institution_and_nobody_elses(web: Connection[Any]) -> None:
    with as_person(web, ANNA):
        assert notes(web) == ["seven and Anna", "eight and Anna"]
    with as_person(web, BORIS):
        assert notes(web) == ["eight and Boris"]


def test_the_operator_sees_all_rows(web: Connection[Any]) -> None:
    with as_operator(web):
        assert len(notes(web)) == 3


def test_the_entrance_sees_no_business_rows(web: Connection[Any]) -> None:
    with pytest.raises(errors.InsufficientPrivilege), as_entrance(web):
        notes(web)


def test_without_a_caller_nothing_is_visible(web: Connection[Any]) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        notes(web)


@pytest.mark.parametrize("role", ["karez_institution", "karez_person"])
def test_a_role_without_a_tenant_sees_nothing(web: Connection[Any], role: str) -> None:
    """Neither before the setting was ever made on the connection (it is NULL) nor after (it is '')."""
    for _ in range(2):
        with web.transaction():
            web.execute(f"SET LOCAL ROLE {role}".encode())
            assert notes(web) == []
        with as_institution(web, 7), web.transaction():
            assert notes(web)
        with as_person(web, ANNA):
            assert notes(web)


def test_nothing_of_a_caller_is_left_after_the_transaction(web: Connection[Any]) -> None:
    user = web.info.user
    with as_institution(web, 7):
        pass
    assert web.execute("SELECT current_user::text, current_setting('app.institution')").fetchone() == (
        user,
        "",
    )
    with pytest.raises(Fault), as_person(web, ANNA):
        raise Fault
    assert web.execute("SELECT current_user::text, current_setting('app.party')").fetchone() == (user, "")


def test_an_institution_cannot_write_a_row_of_another(web: Connection[Any]) -> None:
    with as_institution(web, 7):
        web.execute("INSERT INTO contract VALUES (7, %s, 'mine')", (BORIS,))
    with pytest.raises(errors.InsufficientPrivilege), as_institution(web, 7):
        web.execute("INSERT INTO contract VALUES (9, %s, 'planted')", (BORIS,))
    with pytest.raises(errors.InsufficientPrivilege), as_institution(web, 7):
        web.execute("UPDATE contract SET institution = 8, note = 'moved'")
    with as_institution(web, 7):
        assert web.execute("UPDATE contract SET note = 'taken' WHERE institution = 8").rowcount == 0
        assert web.execute("DELETE FROM contract WHERE institution = 8").rowcount == 0


def test_work_is_kept_when_the_block_ends_and_undone_when_it_fails(web: Connection[Any]) -> None:
    with as_institution(web, 7):
        web.execute("UPDATE contract SET note = 'kept'")
    with pytest.raises(Fault):
        write_and_fail(web)
    with as_institution(web, 7):
        assert notes(web) == ["kept"]


def test_a_part_may_fail_inside_a_callers_transaction(web: Connection[Any]) -> None:
    with as_institution(web, 7):
        with pytest.raises(errors.UniqueViolation), web.transaction():
            web.execute("INSERT INTO contract VALUES (7, %s, 'again')", (ANNA,))
        web.execute("UPDATE contract SET note = 'went on'")
    with as_institution(web, 7):
        assert notes(web) == ["went on"]


def test_a_swallowed_error_is_told_instead_of_a_silent_rollback(web: Connection[Any]) -> None:
    with pytest.raises(errors.InFailedSqlTransaction):
        swallow_an_error(web)
    with as_institution(web, 7):
        assert notes(web) == ["seven and Anna"]


def test_a_caller_cannot_act_inside_anothers_transaction(web: Connection[Any]) -> None:
    with as_institution(web, 7):
        with pytest.raises(RuntimeError), as_institution(web, 8):
            pass
        assert notes(web) == ["seven and Anna"]


def test_a_tenant_that_is_not_of_its_type_never_reaches_the_database(web: Connection[Any]) -> None:
    injected: Any = "7'; RESET ROLE; --"
    with pytest.raises(TypeError), as_institution(web, injected):
        pass
    with pytest.raises(TypeError), as_person(web, injected):
        pass


def test_the_wall_stands_on_connections_without_autocommit_too(
    web: Connection[Any], database: Database
) -> None:
    with psycopg.connect(database.web) as conn:
        with as_institution(conn, 7):
            assert notes(conn) == ["seven and Anna"]
            conn.execute("UPDATE contract SET note = 'kept'")
        with as_operator(conn):
            assert "kept" in notes(conn)


def test_a_caller_is_announced_in_one_round_trip(database: Database, tmp_path: Path) -> None:
    with connect(database.web) as conn, (tmp_path / "trace").open("w+") as trace:
        conn.pgconn.trace(trace.fileno())
        with as_institution(conn, 7):
            conn.pgconn.untrace()
        trace.seek(0)
        assert trace.read().count("ReadyForQuery") == 1


def test_a_connection_that_dies_in_the_block_tells_the_first_error(
    web: Connection[Any], database: Database
) -> None:
    with connect(database.owner) as owner, pytest.raises(errors.AdminShutdown):
        lose_the_connection(web, owner)


async def write_and_fail_async(conn: AsyncConnection[Any]) -> None:
    async with as_institution_async(conn, 7):
        await conn.execute("UPDATE contract SET note = 'undone'")
        raise Fault


async def swallow_an_error_async(conn: AsyncConnection[Any]) -> None:
    async with as_institution_async(conn, 7):
        with contextlib.suppress(errors.UniqueViolation):
            await conn.execute("INSERT INTO contract VALUES (7, %s, 'again')", (ANNA,))


async def notes_by_caller(conn: AsyncConnection[Any]) -> dict[str, list[str]]:
    seen = {}
    for name, caller in (
        ("institution 7", as_institution_async(conn, 7)),
        ("Anna", as_person_async(conn, ANNA)),
        ("operator", as_operator_async(conn)),
    ):
        async with caller:
            rows = await (await conn.execute(READ.encode())).fetchall()
            seen[name] = [note for (note,) in rows]
    return seen


def test_asynchronous_callers_are_walled_in_the_same_way(web: Connection[Any], database: Database) -> None:
    async def act() -> dict[str, list[str]]:
        async with await connect_async(database.web) as conn:
            with pytest.raises(errors.InsufficientPrivilege):
                async with as_entrance_async(conn):
                    await conn.execute(READ.encode())
            with pytest.raises(Fault):
                await write_and_fail_async(conn)
            with pytest.raises(errors.InFailedSqlTransaction):
                await swallow_an_error_async(conn)
            return await notes_by_caller(conn)

    assert asyncio.run(act()) == {
        "institution 7": ["seven and Anna"],
        "Anna": ["seven and Anna", "eight and Anna"],
        "operator": ["seven and Anna", "eight and Anna", "eight and Boris"],
    }
