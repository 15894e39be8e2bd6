"""PostgreSQL as a part of Karez: made at the first start, running while Karez runs, stopped with it.

The data directory holds ``postgres/`` (the cluster), ``postgres.password``, ``postgres.log``, ``socket/`` and
``lock``. The server listens on no network address. Its socket lies in a directory that only its owner may
enter, and even there it asks for a password, which only the owner of the data directory can read.
"""

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from psycopg.conninfo import make_conninfo

from karez.core.outcomes import Unavailable
from karez.storage.data_directory import explain_system_error, open_private
from karez.storage.embedded.binaries import ServerPrograms, installed_programs, programs_for
from karez.storage.embedded.cluster import OWNER_ROLE, check_cluster, make_cluster
from karez.storage.embedded.directory_lock import DirectoryLock
from karez.storage.embedded.failures import explain_output
from karez.storage.embedded.leftovers import server_label, stop_leftover_server
from karez.storage.embedded.server_user import ServerDirectories, ServerUser, give_to, launch, server_user
from karez.storage.embedded.socket_directory import make_socket_directory, remove_socket_directory
from karez.storage.secret_keys import secret_from_file

START_LIMIT_S = 300.0
# After it the server is told to quit at once, which loses nothing: the next start repairs from the log.
# (PostgreSQL 18.4 ends in no other way if it is asked to stop in the midst of repairing itself after a crash.)
STOP_LIMIT_S = 20.0

# What is said at every start wins over postgresql.conf, so a new release of Karez changes an old cluster too.
SERVER_SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "192MB",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "wal_compression": "pglz",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    # The client gets every error of a statement; in the log they would repeat customers' values.
    "log_min_messages": "log",
}

_POLL_S = 0.01
_LOG_LIMIT_SIZE_BYTES = 16 * 1024 * 1024
_STATUS_LINE = 7


class EmbeddedPostgres:
    """One embedded server.

    Args:
        data_dir: Directory of this Karez; made if it is missing.
        settings: Server settings that replace or add to ``SERVER_SETTINGS``.
    """

    def __init__(self, data_dir: Path, settings: Mapping[str, str] | None = None) -> None:
        self.data_dir = data_dir = data_dir.absolute()
        self.log = data_dir / "postgres.log"
        self._cluster = data_dir / "postgres"
        self._settings = {**SERVER_SETTINGS, **(settings or {})}
        self._lock = DirectoryLock(data_dir)
        self._process: subprocess.Popen[bytes] | None = None
        self._conninfo = ""

    @property
    def pid(self) -> int | None:
        """Return the process id of the running server, ``None`` if it does not run."""
        if self._process is None or self._process.poll() is not None:
            return None
        return self._process.pid

    def start(self) -> None:
        """Start the server, making the cluster if there is none; it accepts connections on return.

        A server that runs is left alone, and one that died is started again.

        Raises:
            Unavailable: One code for every cause, such as ``data_directory_in_use``, ``disk_full``,
                ``no_rights``, ``wrong_data_version``, ``initdb_failed``, ``server_start_failed``.
        """
        if self.pid is not None:
            return
        try:
            self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock.acquire()
            self._start_in_held_directory()
        except OSError as error:
            self.stop()
            raise explain_system_error(error, self.data_dir) from error
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server in order: clients are cut off, all that was committed is on disk."""
        if self._process is not None:
            _end(self._process)
            self._process = None
        if self._lock.is_held:
            remove_socket_directory(self.data_dir)
            self._lock.release()

    def conninfo(self, database: str = "postgres") -> str:
        """Return the connection string of the owner role; it contains the role's password.

        Args:
            database: Name of the database.
        """
        if not self._conninfo:
            raise RuntimeError("the embedded server has no address before its first start")
        return make_conninfo(self._conninfo, dbname=database)

    def _start_in_held_directory(self) -> None:
        user = server_user(self.data_dir, self._cluster)
        programs = programs_for(user, installed_programs())
        if self._cluster.exists():
            check_cluster(self._cluster, user)
        password = secret_from_file(self.data_dir / "postgres.password")
        if self._cluster.exists():
            stop_leftover_server(self._cluster, STOP_LIMIT_S)
        else:
            make_cluster(self._cluster, programs, user, password)
        socket_dir = make_socket_directory(self.data_dir)
        give_to(user, socket_dir)
        self._conninfo = make_conninfo(host=str(socket_dir), port=5432, user=OWNER_ROLE, password=password)
        log_start = _open_log(self.log)
        self._process = self._launch(programs, user, socket_dir)
        self._wait_until_ready(self._process, log_start)

    def _launch(
        self, programs: ServerPrograms, user: ServerUser | None, socket_dir: Path
    ) -> subprocess.Popen[bytes]:
        directories = ServerDirectories(user)
        try:
            settings = {
                **self._settings,
                "port": "5432",
                "cluster_name": server_label(self._cluster),
                "unix_socket_directories": directories.path_for_server(socket_dir),
            }
            command: list[str | Path] = [programs.postgres, "-D", directories.path_for_server(self._cluster)]
            for name, value in settings.items():
                command += ["-c", f"{name}={value}"]
            with os.fdopen(open_private(self.log, os.O_WRONLY | os.O_APPEND), "ab") as log:
                return launch(command, user, directories, log, stop_with_parent=True)
        finally:
            directories.close()

    def _wait_until_ready(self, process: subprocess.Popen[bytes], log_start: int) -> None:
        deadline = time.monotonic() + START_LIMIT_S
        while not self._is_ready(process.pid):
            if process.poll() is not None:
                output = self._logged_since(log_start)
                raise explain_output("server_start_failed", "starting the database", output, self.data_dir)
            if time.monotonic() > deadline:
                raise Unavailable(
                    "server_start_slow",
                    f"PostgreSQL in {self.data_dir} was not ready after {START_LIMIT_S:.0f} s; {self.log} "
                    "tells what it was busy with; start Karez again to let it go on.",
                )
            time.sleep(_POLL_S)

    def _is_ready(self, pid: int) -> bool:
        """The server keeps its state in the last line of its process file."""
        try:
            lines = (self._cluster / "postmaster.pid").read_text("utf-8", "replace").splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > _STATUS_LINE and lines[0] == str(pid) and lines[_STATUS_LINE].strip() == "ready"

    def _logged_since(self, start: int) -> str:
        with self.log.open("rb") as file:
            file.seek(start)
            return file.read().decode("utf-8", "replace")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _open_log(log: Path) -> int:
    """Put a long log aside, and return where the new part begins."""
    if not log.exists():
        return 0
    size_bytes = log.stat().st_size
    if size_bytes <= _LOG_LIMIT_SIZE_BYTES:
        return size_bytes
    log.replace(log.with_name(f"{log.name}.1"))
    return 0


def _end(process: subprocess.Popen[bytes]) -> None:
    for number, limit_s in ((signal.SIGINT, STOP_LIMIT_S), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0)):
        if process.poll() is not None:
            return
        process.send_signal(number)
        try:
            process.wait(limit_s)
        except subprocess.TimeoutExpired:
            continue
