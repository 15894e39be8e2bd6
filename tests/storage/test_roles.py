"""Roles belong to a whole server, and several Karez may make them at the same time."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from karez.storage.database import Database, connect, prepare_database
from karez.storage.embedded import EmbeddedPostgres
from karez.storage.roles import GROUP_ROLES, create_roles, drop_login_roles, login_roles

KEY = b"a key of 32 bytes or more for all of them"


def test_databases_of_one_new_server_are_prepared_at_the_same_time(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path) as server:
        with connect(server.conninfo()) as conn:
            conn.execute("CREATE DATABASE bazaar")
            conn.execute("CREATE DATABASE fair")

        def prepare(name: str) -> Database:
            return prepare_database(server.conninfo(name), KEY, now_ns=1)

        with ThreadPoolExecutor(8) as threads:
            for database in threads.map(prepare, ["bazaar", "fair"] * 4):
                for login in (database.web, database.book, database.worker):
                    connect(login).close()


def test_making_roles_again_changes_nothing(database: Database) -> None:
    """Group roles cannot log in, and each login role may act as its own groups only."""
    name = str(conninfo_to_dict(database.owner)["dbname"])
    # Other databases of the same server come and go meanwhile, with login roles of their own.
    logins = [role.name for role in login_roles(name)]
    memberships = """
        SELECT roleid::regrole::text, member::regrole::text FROM pg_auth_members
        WHERE member::regrole::text = ANY(%s) ORDER BY 1, 2
    """
    with connect(database.owner) as owner:
        before = owner.execute(memberships, (logins,)).fetchall()
        create_roles(owner, name, database.secret_key)
        assert owner.execute(memberships, (logins,)).fetchall() == before
        for role in login_roles(name):
            groups = {group for group, member in before if member == role.name}
            assert groups == set(role.groups)
        can_login = owner.execute(
            "SELECT count(*) FROM pg_roles WHERE rolcanlogin AND rolname = ANY(%s)", (list(GROUP_ROLES),)
        ).fetchone()
        assert can_login == (0,)
    connect(database.web).close()


def test_the_login_roles_of_a_dropped_database_can_be_removed(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path) as server, connect(server.conninfo()) as conn:
        conn.execute("CREATE DATABASE fair")
        prepare_database(make_conninfo(server.conninfo("fair")), KEY, now_ns=1)
        conn.execute("DROP DATABASE fair")
        for _ in range(2):
            drop_login_roles(conn, "fair")
        left = conn.execute("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'karez\\_%\\_fair'").fetchone()
        assert left == (0,)
