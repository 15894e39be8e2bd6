"""One Karez at a time on a data directory."""

import fcntl
import os
from pathlib import Path

from karez.core.outcomes import Unavailable
from karez.storage.data_directory import open_private


class DirectoryLock:
    """An exclusive hold on a data directory, which ends with the process however it dies.

    Args:
        data_dir: The directory.
    """

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._descriptor: int | None = None

    @property
    def is_held(self) -> bool:
        """Tell whether this object holds the directory."""
        return self._descriptor is not None

    def acquire(self) -> None:
        """Take the hold, and leave our process id for the sentence that a second process shows.

        Raises:
            Unavailable: ``data_directory_in_use``.
            OSError: The directory cannot be written.
        """
        if self.is_held:
            return
        descriptor = open_private(self._data_dir / "lock", os.O_RDWR)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
        except BlockingIOError:
            holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(descriptor)
            raise Unavailable(
                "data_directory_in_use",
                f"The data directory {self._data_dir} is in use by another karez (process {holder}); "
                "stop that one, or set KAREZ_DATA_DIR to another directory.",
            ) from None
        except OSError:
            os.close(descriptor)
            raise
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the hold back."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
