"""Opening the database of a Karez, embedded or on a server of the operator's own."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from karez.core.clock import SimulatedClock
from karez.core.config import Settings
from karez.core.outcomes import Unavailable
from karez.storage.database import Database, connect, connect_async, open_database
from karez.storage.embedded import EmbeddedPostgres
from karez.storage.migrations import find_migrations
from karez.storage.schema_rules import find_schema_violations
from karez.storage.secret_keys import role_password

SECRET = "an operator's own secret, longer than 32 bytes"
CLOCK = SimulatedClock(start_ns=1_700_000_000_000_000_000)

# An owner as managed servers give one: no superuser.
MANAGED_OWNER = """
CREATE ROLE managed LOGIN CREATEROLE PASSWORD 'managed';
CREATE DATABASE bazaar OWNER managed;
CREATE DATABASE fair OWNER managed
"""


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A server that stands for one of the operator's own."""
    with EmbeddedPostgres(tmp_path_factory.mktemp("server")) as server:
        with connect(server.conninfo()) as conn:
            for statement in MANAGED_OWNER.split(";"):
                conn.execute(statement.encode())
        yield server


@pytest.fixture
def own_settings(own_server: EmbeddedPostgres, tmp_path: Path) -> Settings:
    """Settings that name that server."""
    address = make_conninfo(own_server.conninfo("bazaar"), user="managed", password="managed")
    return Settings(tmp_path / "keys", database_url=address, secret_key=SECRET)


def user_and_rights(conninfo: str) -> tuple[object, ...] | None:
    with connect(conninfo) as conn:
        return conn.execute(
            "SELECT current_user::text, rolsuper OR rolcreaterole OR rolbypassrls"
            " FROM pg_roles WHERE rolname = current_user"
        ).fetchone()


def test_the_embedded_database_opens_migrated_and_opens_again(tmp_path: Path) -> None:
    with open_database(Settings(tmp_path), CLOCK) as database:
        first = database
        with connect(database.owner) as owner:
            recorded = owner.execute("SELECT count(*), min(applied_ns) FROM karez_migration").fetchone()
            assert recorded == (len(find_migrations()), CLOCK.now_ns())
            assert find_schema_violations(owner) == []
            owner.execute("INSERT INTO unit VALUES (1, 'CNY', 2, 'renminbi', 1)")
    with open_database(Settings(tmp_path)) as database:
        assert database == first
        with connect(database.book) as book:
            assert book.execute("SELECT code FROM unit").fetchall() == [("CNY",)]


def test_every_kind_of_work_logs_in_as_a_role_of_its_own_without_power(database: Database) -> None:
    name = conninfo_to_dict(database.owner)["dbname"]
    assert user_and_rights(database.web) == (f"karez_web_{name}", False)
    assert user_and_rights(database.book) == (f"karez_book_{name}", False)
    assert user_and_rights(database.worker) == (f"karez_worker_{name}", False)


def test_an_operators_own_server_needs_no_superuser(own_settings: Settings) -> None:
    for _ in range(2):
        with open_database(own_settings) as database:
            assert user_and_rights(database.book) == ("karez_book_bazaar", False)
            with connect(database.owner) as owner:
                assert find_schema_violations(owner) == []
    assert not own_settings.data_dir.exists()


def test_the_login_roles_of_one_database_do_not_reach_another(own_settings: Settings) -> None:
    address = make_conninfo(own_settings.database_url or "", dbname="fair")
    with open_database(replace(own_settings, database_url=address)) as fair:
        connect(fair.web).close()
    with open_database(own_settings) as bazaar, pytest.raises(Unavailable) as refusal:
        connect(make_conninfo(bazaar.web, dbname="fair"))
    assert refusal.value.code == "no_rights"


def test_a_new_secret_key_gives_the_login_roles_new_passwords(own_settings: Settings, tmp_path: Path) -> None:
    with open_database(own_settings) as database:
        old_book = database.book
    changed = Settings(tmp_path, own_settings.database_url, secret_key=SECRET + " changed")
    with open_database(changed) as database:
        connect(database.book).close()
        with pytest.raises(Unavailable) as refusal:
            connect(old_book)
    assert refusal.value.code == "login_refused"


def test_secrets_are_in_no_representation_and_in_no_log(
    own_server: EmbeddedPostgres, own_settings: Settings
) -> None:
    with connect(own_server.conninfo()) as conn:
        conn.execute("ALTER SYSTEM SET log_statement = 'all'")
        conn.execute("SELECT pg_reload_conf()")
    with open_database(own_settings) as database:
        shown = repr(database) + own_server.log.read_text()
        assert "ALTER ROLE" in shown
        for role in ("karez_web_bazaar", "karez_book_bazaar", "karez_worker_bazaar"):
            assert role_password(database.secret_key, role) not in shown
        assert SECRET not in shown
        assert "password" not in repr(database)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"password": "wrong"}, "login_refused"),
        ({"dbname": "nowhere"}, "database_missing"),
        ({"host": "/nowhere"}, "database_gone"),
        ({"host": "127.0.0.1", "port": "1"}, "database_gone"),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)
def test_a_server_that_cannot_be_used_is_told(
    own_settings: Settings, tmp_path: Path, change: dict[str, str], code: str
) -> None:
    address = make_conninfo(own_settings.database_url or "", **change)
    with (
        pytest.raises(Unavailable) as refusal,
        open_database(Settings(tmp_path, database_url=address, secret_key=SECRET)),
    ):
        pass
    assert refusal.value.code == code
    assert "managed'" not in refusal.value.sentence


def test_an_owner_without_the_right_to_make_roles_is_told(
    own_server: EmbeddedPostgres, tmp_path: Path
) -> None:
    with connect(own_server.conninfo()) as conn:
        conn.execute("CREATE ROLE powerless LOGIN PASSWORD 'powerless'")
        conn.execute("CREATE DATABASE stall OWNER powerless")
    address = make_conninfo(own_server.conninfo("stall"), user="powerless", password="powerless")
    with (
        pytest.raises(Unavailable) as refusal,
        open_database(Settings(tmp_path, database_url=address, secret_key=SECRET)),
    ):
        pass
    assert refusal.value.code == "no_rights"
    assert "CREATEROLE" in refusal.value.sentence


def test_a_database_name_too_long_for_its_roles_is_refused(
    own_server: EmbeddedPostgres, tmp_path: Path
) -> None:
    name = "x" * 60
    with connect(own_server.conninfo()) as conn:
        conn.execute(f"CREATE DATABASE {name}".encode())
    settings = Settings(tmp_path, database_url=own_server.conninfo(name), secret_key=SECRET)
    with pytest.raises(Unavailable) as refusal, open_database(settings):
        pass
    assert refusal.value.code == "database_name_too_long"


def test_a_lost_server_is_told_to_synchronous_and_asynchronous_code(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path) as server:
        address = server.conninfo()
        conn = connect(address)
    with pytest.raises(psycopg.OperationalError):
        conn.execute("SELECT 1")
    with pytest.raises(Unavailable) as refusal:
        connect(address)
    assert refusal.value.code == "database_gone"

    async def open_one() -> None:
        await connect_async(address)

    with pytest.raises(Unavailable) as refusal:
        asyncio.run(open_one())
    assert refusal.value.code == "database_gone"
