"""The vault: who may touch it, what is in it, and that the same card of the same person is one."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import psycopg
import pytest

from karez.core.ids import new_id
from karez.services.payments.cards.numbers import CardNumber, read_number
from karez.services.payments.cards.vault import forget_number, holds_number, place_of, put_number, sealer
from karez.storage.database import Database, connect
from karez.storage.tenant import as_entrance, as_institution, as_operator, as_person, as_vault

NUMBER, OTHER = read_number("6200 0000 0000 0005"), read_number("4111 1111 1111 1111")
NOW_NS = 1_800_000_000_000_000_000
ANA, BO = new_id(NOW_NS), new_id(NOW_NS)


def put(database: Database, party: UUID, number: CardNumber) -> UUID:
    with connect(database.web) as conn, as_vault(conn, party):
        return put_number(conn, sealer(database.secret_key), party, number, NOW_NS)


def test_nobody_but_the_vault_has_any_right_to_numbers(database: Database) -> None:
    with connect(database.owner) as conn:
        grants = conn.execute("""
            SELECT DISTINCT g.grantee::regrole::text FROM pg_class t
            CROSS JOIN LATERAL (
                SELECT a.grantee FROM aclexplode(t.relacl) a
                UNION
                SELECT a.grantee FROM pg_attribute c, aclexplode(c.attacl) a WHERE c.attrelid = t.oid
            ) g
            WHERE t.oid = 'card_number'::regclass AND g.grantee <> t.relowner
        """).fetchall()
        members = conn.execute(
            """
            SELECT m.member::regrole::text FROM pg_auth_members m
            WHERE m.roleid = 'karez_vault'::regrole AND m.member::regrole::text LIKE %s
        """,
            (f"%_{conn.info.dbname}",),
        ).fetchall()
        name = conn.info.dbname
    assert grants == [("karez_vault",)]
    assert members == [(f"karez_web_{name}",)]


def test_every_other_caller_is_turned_away(database: Database) -> None:
    put(database, ANA, NUMBER)
    for acting in (
        lambda conn: as_person(conn, ANA),
        lambda conn: as_institution(conn, 1),
        as_operator,
        as_entrance,
    ):
        with (
            connect(database.web) as conn,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
            acting(conn),
        ):
            conn.execute("SELECT FROM card_number")
    for login in (database.worker, database.book, database.web):
        with connect(login) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("SELECT FROM card_number")


def test_the_vault_sees_the_numbers_of_one_person_and_no_money(database: Database) -> None:
    put(database, ANA, NUMBER)
    put(database, BO, OTHER)
    with connect(database.web) as conn, as_vault(conn, ANA):
        assert conn.execute("SELECT count(*) FROM card_number").fetchone() == (1,)
    with (
        connect(database.web) as conn,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
        as_vault(conn, ANA),
    ):
        conn.execute("SELECT FROM wallet")
    sealing = sealer(database.secret_key)
    with (
        connect(database.web) as conn,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
        as_vault(conn, ANA),
    ):
        put_number(conn, sealing, BO, NUMBER, NOW_NS)


def test_a_number_opens_in_its_own_place_only(database: Database) -> None:
    token = put(database, ANA, NUMBER)
    with connect(database.owner) as conn:
        sealed, index = conn.execute("SELECT sealed, number_index FROM card_number").fetchone() or (b"", b"")
    assert sealer(database.secret_key).open(bytes(sealed), place_of(token)) == NUMBER.digits
    assert NUMBER.digits.encode() not in bytes(sealed) + bytes(index)


def test_one_card_of_one_person_has_one_token_however_many_bind_it_at_once(database: Database) -> None:
    with ThreadPoolExecutor(16) as threads:
        tokens = set(threads.map(lambda _: put(database, ANA, NUMBER), range(64)))
    assert len(tokens) == 1
    assert put(database, BO, NUMBER) not in tokens
    assert put(database, ANA, OTHER) not in tokens


def test_what_is_forgotten_keeps_its_token(database: Database) -> None:
    token = put(database, ANA, NUMBER)
    with connect(database.web) as conn, as_vault(conn, ANA):
        forget_number(conn, ANA, token)
    with connect(database.owner) as conn:
        assert conn.execute("SELECT sealed FROM card_number").fetchone() == (None,)
    assert put(database, ANA, NUMBER) == token
    with connect(database.owner) as conn:
        (sealed,) = conn.execute("SELECT sealed FROM card_number").fetchone() or (None,)
    assert sealed is not None


def test_a_text_that_tells_a_number_is_recognised(database: Database) -> None:
    put(database, ANA, NUMBER)
    sealing = sealer(database.secret_key)
    with connect(database.web) as conn, as_vault(conn, ANA):
        assert holds_number(conn, sealing, ANA, "tok-6200-0000 0000 0005-x")
        assert holds_number(conn, sealing, ANA, "99620000000000000511")
        assert not holds_number(conn, sealing, ANA, "tok_4111111111111111")
        assert not holds_number(conn, sealing, ANA, "tok_0005")
