"""Endpoints belong to their owners, and secrets to nobody who can ask for them."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from uuid import UUID

import psycopg
import pytest

from karez.channels.webhooks import endpoints
from karez.channels.webhooks.endpoints import ENDPOINTS_MAX, SECRETS_MAX, Changes
from karez.core.outcomes import Rejected
from karez.storage.database import Database, connect
from karez.storage.tenant import as_institution, as_operator, as_person
from tests.channels.webhooks.making import ANA, HARBOUR_BANK, HILL_BANK, NOW_NS, SECOND_NS, SHOP, register

URL = "https://shop.example/karez"
TABLES = ("webhook_endpoint", "webhook_secret", "webhook_delivery", "webhook_attempt")


def rejected(code: str) -> "pytest.RaisesExc[Rejected]":
    return pytest.raises(Rejected, match=code)


def test_each_owner_sees_its_own_endpoints_and_the_operator_all(banks: Database) -> None:
    bank, _ = register(banks, URL, institution=HARBOUR_BANK)
    shop, _ = register(banks, URL, party=SHOP)
    own, _ = register(banks, URL)

    def seen(conn: psycopg.Connection) -> set[UUID]:
        return {each.id for each in endpoints.page(conn, UUID(int=0), 100)}

    with connect(banks.web) as conn:
        with as_institution(conn, HARBOUR_BANK):
            assert seen(conn) == {bank}
        with as_institution(conn, HILL_BANK):
            assert seen(conn) == set()
        with as_person(conn, SHOP):
            assert seen(conn) == {shop}
        with as_person(conn, ANA):
            assert seen(conn) == set()
        with as_operator(conn):
            assert seen(conn) == {bank, shop, own}


def test_a_foreign_endpoint_cannot_be_touched(banks: Database) -> None:
    endpoint, _ = register(banks, URL, institution=HARBOUR_BANK)
    sealer = endpoints.sealer(banks.secret_key)
    with connect(banks.web) as conn:
        for acting in (partial(as_institution, conn, HILL_BANK), partial(as_person, conn, ANA)):
            with acting(), rejected("webhook_endpoint_not_found"):
                endpoints.change(conn, endpoint, Changes(url="https://thief.example/"))
            with acting(), rejected("webhook_endpoint_not_found"):
                endpoints.rotate_secret(conn, sealer, endpoint, 0, NOW_NS)
            with acting(), rejected("webhook_endpoint_not_found"):
                endpoints.delete(conn, endpoint)


@pytest.mark.parametrize("owner", ["institution", "party", "operator"])
def test_nobody_makes_an_endpoint_in_anothers_name(banks: Database, owner: str) -> None:
    statement = """
        INSERT INTO webhook_endpoint (id, institution, party, url, topics, description, state, created_ns)
        VALUES (%s, %s, %s, 'https://thief.example/', '{*}', '', 'enabled', 0)
    """
    foreign = {"institution": (HILL_BANK, None), "party": (None, ANA), "operator": (None, None)}[owner]
    with connect(banks.web) as conn:
        for acting in (partial(as_institution, conn, HARBOUR_BANK), partial(as_person, conn, SHOP)):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), acting():
                conn.execute(statement, (UUID(int=1), *foreign))


def test_what_belongs_to_a_foreign_endpoint_is_not_seen_either(banks: Database) -> None:
    endpoint, _ = register(banks, URL, institution=HARBOUR_BANK)
    with connect(banks.owner) as conn:
        conn.execute(
            "INSERT INTO webhook_delivery VALUES (%s, %s, 'a.b', '{}', 'failed', 1, 1, NULL, 0)",
            (endpoint, UUID(int=1)),
        )
        conn.execute(
            "INSERT INTO webhook_attempt VALUES (%s, %s, 1, 0, 1, 500, NULL, '', NULL)",
            (endpoint, UUID(int=1)),
        )

    def seen(conn: psycopg.Connection, table: str) -> int:
        (count,) = conn.execute(f"SELECT count(endpoint) FROM {table}").fetchone() or (None,)
        return int(count)

    with connect(banks.web) as conn:
        for table in TABLES[1:]:
            with as_institution(conn, HARBOUR_BANK):
                assert seen(conn, table) == 1
            with as_institution(conn, HILL_BANK):
                assert seen(conn, table) == 0
            with as_person(conn, ANA):
                assert seen(conn, table) == 0
        with pytest.raises(psycopg.errors.InsufficientPrivilege), as_institution(conn, HILL_BANK):
            conn.execute(
                """
                INSERT INTO webhook_delivery (endpoint, message, topic, body, state, due_ns, created_ns)
                VALUES (%s, %s, 'a.b', '{}', 'waiting', 0, 0)
                """,
                (endpoint, UUID(int=2)),
            )


def test_a_secret_is_stored_sealed_and_no_caller_reads_even_that(banks: Database) -> None:
    endpoint, secret = register(banks, URL, institution=HARBOUR_BANK)
    with connect(banks.owner) as conn:
        for table in TABLES:
            for (text,) in conn.execute(f"SELECT t::text FROM {table} t"):
                assert secret.removeprefix("whsec_") not in text
        ((id_, sealed),) = conn.execute("SELECT id, sealed FROM webhook_secret").fetchall()
    assert endpoints.sealer(banks.secret_key).open(sealed, endpoints.place_of(id_)) == secret
    with connect(banks.web) as conn:
        for acting in (partial(as_institution, conn, HARBOUR_BANK), partial(as_operator, conn)):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), acting():
                conn.execute("SELECT sealed FROM webhook_secret WHERE endpoint = %s", (endpoint,))


def test_an_owner_has_so_many_endpoints_and_no_more_also_at_once(banks: Database) -> None:
    for _ in range(ENDPOINTS_MAX - 1):
        register(banks, URL, party=SHOP)

    def try_once(_: int) -> str:
        try:
            register(banks, URL, party=SHOP)
        except Rejected as refusal:
            return refusal.code
        return "registered"

    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(try_once, range(8)))
    assert outcomes.count("registered") == 1
    assert outcomes.count("webhook_endpoints_too_many") == 7
    register(banks, URL, party=ANA)


def test_a_deleted_endpoint_makes_room_and_is_no_longer_seen(banks: Database) -> None:
    endpoint, _ = register(banks, URL, party=SHOP)
    with connect(banks.web) as conn, as_person(conn, SHOP):
        endpoints.delete(conn, endpoint)
        assert endpoints.page(conn, UUID(int=0), 100) == []
        for attempt in (
            lambda: endpoints.find(conn, endpoint),
            lambda: endpoints.change(conn, endpoint, Changes(enabled=True)),
            lambda: endpoints.delete(conn, endpoint),
        ):
            with rejected("webhook_endpoint_not_found"):
                attempt()
    with connect(banks.owner) as conn:
        assert conn.execute("SELECT count(*) FROM webhook_secret").fetchone() == (0,)


def test_secrets_overlap_as_long_as_was_asked_and_not_without_end(banks: Database) -> None:
    endpoint, _ = register(banks, URL, party=SHOP)
    sealer = endpoints.sealer(banks.secret_key)

    def lives(conn: psycopg.Connection) -> list[int | None]:
        rows = conn.execute("SELECT expires_ns FROM webhook_secret ORDER BY expires_ns")
        return [expires_ns for (expires_ns,) in rows]

    with connect(banks.web) as conn:
        with as_person(conn, SHOP):
            endpoints.rotate_secret(conn, sealer, endpoint, 60, NOW_NS)
            assert lives(conn) == [NOW_NS + 60 * SECOND_NS, None]
            endpoints.rotate_secret(conn, sealer, endpoint, 3_600, NOW_NS)
            assert lives(conn) == [NOW_NS + 60 * SECOND_NS, NOW_NS + 3_600 * SECOND_NS, None]
            for _ in range(SECRETS_MAX - 3):
                endpoints.rotate_secret(conn, sealer, endpoint, 3_600, NOW_NS)
        with as_person(conn, SHOP), rejected("webhook_secrets_too_many"):
            endpoints.rotate_secret(conn, sealer, endpoint, 3_600, NOW_NS)
        with as_person(conn, SHOP):
            endpoints.rotate_secret(conn, sealer, endpoint, 0, NOW_NS)
            assert lives(conn) == [None]


def test_what_is_not_named_stays_as_it_is(banks: Database) -> None:
    endpoint, _ = register(banks, URL, party=SHOP, topics=["trade.*"])
    with connect(banks.web) as conn, as_person(conn, SHOP):
        before = endpoints.find(conn, endpoint)
        assert endpoints.change(conn, endpoint, Changes()) == before
        assert endpoints.change(conn, endpoint, Changes(topics=["*"])).topics == ["*"]
        disabled = endpoints.change(conn, endpoint, Changes(enabled=False))
        assert (disabled.state, disabled.disabled_because) == ("disabled", "owner")
        enabled = endpoints.change(conn, endpoint, Changes(enabled=True))
        assert (enabled.state, enabled.disabled_because) == ("enabled", None)
