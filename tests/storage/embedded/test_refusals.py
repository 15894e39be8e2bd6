"""What cannot work is refused with one code and one sentence that tells what to do."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from karez.core.outcomes import Unavailable
from karez.storage.data_directory import explain_system_error
from karez.storage.database import connect
from karez.storage.database_errors import explain
from karez.storage.embedded import EmbeddedPostgres
from karez.storage.embedded.socket_directory import make_socket_directory
from tests.storage.embedded.programs import STARTER, run_as_ordinary_user, start_program


def refusal_of(data_dir: Path) -> Unavailable:
    server = EmbeddedPostgres(data_dir)
    with pytest.raises(Unavailable) as refusal:
        server.start()
    assert server.pid is None
    return refusal.value


def test_a_second_karez_on_the_same_data_is_told_who_holds_it(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path) as server:
        second, _ = start_program(STARTER, tmp_path).communicate()
        assert second.startswith(f"data_directory_in_use The data directory {tmp_path} is in use by another")
        assert f"(process {os.getpid()})" in second
        with connect(server.conninfo()) as conn:
            assert conn.execute("SELECT 1").fetchone() == (1,)
    first, _ = start_program(STARTER, tmp_path).communicate()
    assert first == "works 1\n"


def test_data_of_another_version_is_left_alone(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path):
        pass
    version_file = tmp_path / "postgres" / "PG_VERSION"
    version_file.write_text("16\n")
    refusal = refusal_of(tmp_path)
    assert refusal.code == "wrong_data_version"
    assert "made by PostgreSQL 16, and this Karez runs 18.4" in refusal.sentence
    version_file.write_text("18\n")
    with EmbeddedPostgres(tmp_path):
        pass


def test_data_without_its_password_is_left_alone(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path):
        pass
    (tmp_path / "postgres.password").unlink()
    assert refusal_of(tmp_path).code == "password_missing"
    assert not (tmp_path / "postgres.password").exists()


def test_a_directory_where_nothing_may_be_written_is_named(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir()
    closed.chmod(0o555)
    for data_dir in (closed, closed / "new"):
        told = run_as_ordinary_user(STARTER, data_dir)
        assert told.startswith(f"no_rights Karez may not use {data_dir}"), told
    read_only = explain_system_error(OSError(30, "Read-only file system", str(closed)), closed)
    assert read_only.code == "no_rights"


def test_a_file_in_the_place_of_the_data_directory_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    refusal = refusal_of(file)
    assert refusal.code == "data_directory_unusable"
    assert str(file) in refusal.sentence


def test_a_setting_that_the_server_does_not_take_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as refusal, EmbeddedPostgres(tmp_path, {"shared_buffers": "much"}):
        pass
    assert refusal.value.code == "server_start_failed"
    assert 'invalid value for parameter "shared_buffers"' in refusal.value.sentence
    with EmbeddedPostgres(tmp_path):
        pass


def test_a_damaged_cluster_is_named_with_the_servers_own_words(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path):
        pass
    (tmp_path / "postgres" / "global" / "pg_control").unlink()
    refusal = refusal_of(tmp_path)
    assert refusal.code == "server_start_failed"
    assert "pg_control" in refusal.sentence


def test_a_socket_that_fits_nowhere_is_refused(tmp_path: Path) -> None:
    data_dir = tmp_path / ("long" * 25)
    data_dir.mkdir()
    with pytest.raises(Unavailable) as refusal:
        make_socket_directory(data_dir, short_parents=[data_dir, tmp_path / "missing"])
    assert refusal.value.code == "socket_path_too_long"
    assert str(data_dir) in refusal.value.sentence


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=150m", "tmpfs", disk], check=False, capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip("this root may not mount a small disk")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def fill(disk: Path) -> None:
    with (disk / "ballast").open("wb") as ballast:
        try:
            while True:
                ballast.write(b"x" * 65536)
        except OSError:
            pass


def write_until_full(conninfo: str) -> tuple[int, psycopg.Error]:
    """Return how many rows were acknowledged, and the error that ended it."""
    with connect(conninfo) as conn:
        conn.execute("CREATE TABLE number (value int PRIMARY KEY, weight bytea)")
        value = 0
        try:
            while True:
                conn.execute("INSERT INTO number VALUES (%s, %s)", (value, os.urandom(30_000)))
                value += 1
        except psycopg.Error as error:
            return value, error


def count_and_write_again(server: EmbeddedPostgres) -> int:
    """Return how many rows there are, and write one more, on a server that is repairing itself or has given up.

    It may accept a connection, and then end it to repair itself because another of its processes met the full disk.
    """
    while True:
        try:
            with connect(server.conninfo()) as conn:
                row = conn.execute("SELECT count(*) FROM number WHERE value >= 0").fetchone()
                conn.execute(
                    "INSERT INTO number VALUES (-1, %s) ON CONFLICT DO NOTHING", (os.urandom(30_000),)
                )
        except (Unavailable, psycopg.OperationalError):
            time.sleep(0.01)
            server.start()
        else:
            assert row is not None
            return int(row[0])


def test_a_full_disk_is_told_and_everything_acknowledged_is_there_once_it_has_space(small_disk: Path) -> None:
    data_dir = small_disk / "data"
    with EmbeddedPostgres(data_dir) as server:
        ballast = small_disk / "ballast"
        ballast.write_bytes(b"x" * (shutil.disk_usage(small_disk).free - 24_000_000))
        acknowledged, error = write_until_full(server.conninfo())
        assert acknowledged > 0
        assert explain(error).code == "disk_full"
        ballast.unlink()
        assert count_and_write_again(server) == acknowledged


def test_a_first_start_on_a_full_disk_is_told_and_succeeds_once_it_has_space(small_disk: Path) -> None:
    data_dir = small_disk / "data"
    fill(small_disk)
    assert refusal_of(data_dir).code == "disk_full"
    (small_disk / "ballast").write_bytes(b"x" * (shutil.disk_usage(small_disk).total - 30_000_000))
    refusal = refusal_of(data_dir)
    assert refusal.code == "disk_full"
    assert "free some space" in refusal.sentence
    (small_disk / "ballast").unlink()
    with EmbeddedPostgres(data_dir):
        pass


def test_a_later_start_on_a_full_disk_is_told(small_disk: Path) -> None:
    data_dir = small_disk / "data"
    with EmbeddedPostgres(data_dir):
        pass
    fill(small_disk)
    assert refusal_of(data_dir).code == "disk_full"
