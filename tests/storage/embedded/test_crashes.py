"""Whoever is killed, every acknowledged row is there at the next start, which comes at once."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from karez.storage.database import connect
from karez.storage.embedded import EmbeddedPostgres
from karez.storage.embedded.leftovers import server_label, server_processes
from tests.storage.embedded.programs import WRITER, start_program

ENOUGH_ROWS = 200


def write_and_kill(data_dir: Path, victims: tuple[str, ...], *arguments: str) -> tuple[int, int]:
    """Kill the victims while rows are being written.

    Returns:
        The number of acknowledged rows and the process id of the server.
    """
    writer = start_program(WRITER, data_dir, *arguments)
    assert writer.stdout is not None
    pid = int(writer.stdout.readline() or "0")
    acknowledged = 0
    while acknowledged < ENOUGH_ROWS:
        acknowledged = int(writer.stdout.readline())
    for victim in victims:
        os.kill({"owner": writer.pid, "server": pid}[victim], signal.SIGKILL)
    with writer:
        for line in writer.stdout:
            acknowledged = int(line)
    return acknowledged, pid


def rows_at_next_start(data_dir: Path) -> list[int]:
    with EmbeddedPostgres(data_dir) as server, connect(server.conninfo()) as conn:
        return [value for (value,) in conn.execute("SELECT value FROM number ORDER BY value").fetchall()]


@pytest.mark.parametrize(
    "victims",
    [("owner",), ("server",), ("owner", "server"), ("server", "owner")],
    ids="-then-".join,
)
def test_every_acknowledged_row_survives_a_kill(tmp_path: Path, victims: tuple[str, ...]) -> None:
    for _ in range(2):
        acknowledged, _pid = write_and_kill(tmp_path, victims)
        rows = rows_at_next_start(tmp_path)
        assert rows == list(range(len(rows)))
        assert acknowledged <= len(rows) <= acknowledged + 1


def test_a_server_that_outlives_its_killed_owner_is_stopped_in_order_first(tmp_path: Path) -> None:
    acknowledged, orphan = write_and_kill(tmp_path, ("owner",), "thread")
    assert orphan in server_processes(server_label(tmp_path / "postgres"))
    assert len(rows_at_next_start(tmp_path)) >= acknowledged
    assert not server_processes(server_label(tmp_path / "postgres"))
    assert "automatic recovery in progress" not in (tmp_path / "postgres.log").read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process of its parent's death")
def test_a_server_ends_by_itself_when_its_owner_is_killed(tmp_path: Path) -> None:
    write_and_kill(tmp_path, ("owner",))
    while server_processes(server_label(tmp_path / "postgres")):
        time.sleep(0.01)
    assert "database system is shut down" in (tmp_path / "postgres.log").read_text()


def test_a_process_id_that_was_given_away_again_does_not_stop_the_start(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path) as server:
        process_file = (tmp_path / "postgres" / "postmaster.pid").read_text()
        server_pid = server.pid
    owner_uid = (tmp_path / "postgres").stat().st_uid
    bystander = subprocess.Popen(["sleep", "600"], user=owner_uid)
    try:
        planted = tmp_path / "postgres" / "postmaster.pid"
        planted.write_text(process_file.replace(str(server_pid), str(bystander.pid), 1))
        os.chown(planted, owner_uid, -1)
        with EmbeddedPostgres(tmp_path) as server, connect(server.conninfo()) as conn:
            assert conn.execute("SELECT 1").fetchone() == (1,)
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()
