"""``run/`` in the data directory: whose the bookkeeper is, where it listens, and where the pages are.

Whoever runs the bookkeeper of a data directory holds this one. It works for an embedded database and for one on a
real server, which no lock in the data directory could protect from a second Karez.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from karez.core.outcomes import Unavailable
from karez.storage.data_directory import explain_system_error, open_private
from karez.storage.embedded.directory_lock import DirectoryLock
from karez.storage.embedded.socket_directory import make_socket_directory, remove_socket_directory


class RunDirectory:
    """The directory of one Karez that runs or may run.

    Args:
        data_dir: Its data directory.
    """

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._path = data_dir / "run"
        self._address_file = self._path / "address"

    @property
    def bookkeeper_socket(self) -> Path:
        """Where the bookkeeper listens, as a path short enough for the operating system."""
        return (self._path / "socket").resolve() / "bookkeeper"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the directory; nobody else can until this ends, however it ends.

        Raises:
            Unavailable: ``karez_running``, ``no_rights``, ``disk_full``, ``data_directory_unusable``.
        """
        lock = DirectoryLock(self._path)
        try:
            self._make()
            lock.acquire()
            self._address_file.unlink(missing_ok=True)
            make_socket_directory(self._path)
        except OSError as error:
            lock.release()
            raise explain_system_error(error, self._data_dir) from error
        except Unavailable as refusal:
            raise self._running() if refusal.code == "data_directory_in_use" else refusal from None
        try:
            yield
        finally:
            self._address_file.unlink(missing_ok=True)
            remove_socket_directory(self._path)
            lock.release()

    def publish(self, address: str) -> None:
        """Leave the address of the pages for the other commands."""
        with os.fdopen(open_private(self._address_file, os.O_WRONLY | os.O_TRUNC), "w") as file:
            file.write(address)

    def address(self) -> str | None:
        """Return the address of the pages of a running Karez, if it has got so far."""
        try:
            return self._address_file.read_text() or None
        except OSError:
            return None

    def _make(self) -> None:
        for directory in (self._data_dir, self._path):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.geteuid() == 0:
            # What root makes in somebody's data directory belongs to that somebody.
            owner = self._data_dir.stat()
            os.chown(self._path, owner.st_uid, owner.st_gid)

    def _running(self) -> Unavailable:
        address = self.address()
        place = f" at {address}" if address else ""
        return Unavailable(
            "karez_running",
            f"Karez is running on {self._data_dir} already{place} (process {self._holder()}); use that one, stop"
            " it first, or set KAREZ_DATA_DIR to another directory.",
        )

    def _holder(self) -> str:
        try:
            return (self._path / "lock").read_text().strip() or "unknown"
        except OSError:
            return "unknown"
