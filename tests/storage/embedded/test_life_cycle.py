"""The embedded server from its first start to its last stop."""

import os
import signal
import stat
import threading
import time
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from karez.core.outcomes import Unavailable
from karez.storage.database import connect
from karez.storage.embedded import EmbeddedPostgres
from karez.storage.embedded.leftovers import server_label, server_processes


def settings_of(server: EmbeddedPostgres) -> dict[str, str]:
    with connect(server.conninfo()) as conn:
        return dict(conn.execute("SELECT name, setting FROM pg_settings").fetchall())


def test_the_first_start_makes_a_safe_database_that_only_its_owner_reaches(tmp_path: Path) -> None:
    data_dir = tmp_path / "not" / "there yet"
    with EmbeddedPostgres(data_dir) as server:
        settings = settings_of(server)
        assert settings["data_checksums"] == "on"
        assert settings["server_encoding"] == "UTF8"
        assert settings["fsync"] == settings["full_page_writes"] == settings["synchronous_commit"] == "on"
        assert settings["listen_addresses"] == ""
        assert settings["jit"] == "off"
        socket_dir = Path(str(conninfo_to_dict(server.conninfo())["host"]))
        assert stat.S_IMODE(socket_dir.stat().st_mode) == 0o700
        assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
        for name in ("postgres.password", "postgres.log", "lock"):
            assert stat.S_IMODE((data_dir / name).stat().st_mode) == 0o600, name


def test_even_who_gets_to_the_socket_needs_the_password(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path) as server:
        for password in ("", "guess"):
            with pytest.raises(Unavailable) as refusal:
                connect(make_conninfo(server.conninfo(), password=password))
            assert refusal.value.code == "login_refused"


def test_what_was_written_is_there_after_a_stop_and_a_start(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path) as server, connect(server.conninfo()) as conn:
        conn.execute("CREATE TABLE kept AS SELECT 42 AS value")
    with EmbeddedPostgres(tmp_path) as server, connect(server.conninfo()) as conn:
        assert conn.execute("SELECT value FROM kept").fetchone() == (42,)


def test_a_stop_leaves_no_process_and_no_socket(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path) as server:
        assert server_processes(server_label(tmp_path / "postgres"))
    assert not server_processes(server_label(tmp_path / "postgres"))
    assert not (tmp_path / "socket").exists()
    assert server.pid is None


def test_a_server_that_died_under_its_owner_is_started_again(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path) as server:
        died = server.pid
        assert died is not None
        with connect(server.conninfo()) as conn:
            conn.execute("CREATE TABLE kept AS SELECT 42 AS value")
        os.kill(died, signal.SIGKILL)
        while server.pid is not None:
            time.sleep(0.01)
        server.start()
        assert server.pid not in (None, died)
        with connect(server.conninfo()) as conn:
            assert conn.execute("SELECT value FROM kept").fetchone() == (42,)


def test_a_first_start_that_was_cut_off_is_begun_anew(tmp_path: Path) -> None:
    unfinished = tmp_path / "postgres.unfinished"
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("18\n")
    with EmbeddedPostgres(tmp_path) as server:
        assert settings_of(server)["data_checksums"] == "on"
    assert not unfinished.exists()


def test_a_path_too_long_for_a_socket_gets_a_short_private_directory(tmp_path: Path) -> None:
    data_dir = tmp_path / ("long" * 25) / ("name" * 25)
    with EmbeddedPostgres(data_dir) as server:
        socket_dir = Path(str(conninfo_to_dict(server.conninfo())["host"]))
        assert not socket_dir.is_relative_to(data_dir)
        assert stat.S_IMODE(socket_dir.stat().st_mode) == 0o700
        settings_of(server)
    assert not socket_dir.exists()


def test_a_server_may_be_started_from_any_thread_and_outlives_that_thread(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path)
    starter = threading.Thread(target=server.start)
    starter.start()
    starter.join()
    try:
        with psycopg.connect(server.conninfo()) as conn:
            assert conn.execute("SELECT 1").fetchone() == (1,)
    finally:
        server.stop()


def test_passwords_are_in_no_log_and_no_representation(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path) as server:
        password = (tmp_path / "postgres.password").read_text().strip()
        with pytest.raises(Unavailable) as refusal:
            connect(make_conninfo(server.conninfo(), password=password[:-1]))
        assert password[:-1] not in str(refusal.value)
        assert password not in repr(server)
        assert password not in server.log.read_text()
