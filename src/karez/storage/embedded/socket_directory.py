"""A private directory for the server's socket, with a path short enough for the operating system.

The address of a Unix socket holds about a hundred bytes. A longer data directory gets its socket in a new
private directory under the temporary one, and keeps a link to it so that the next start can clean up.
"""

import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from karez.core.outcomes import Unavailable

SOCKET_NAME = ".s.PGSQL.5432"

_ADDRESS_SIZE_BYTES = 103 if sys.platform == "darwin" else 107
_PREFIX = "karez-"


def make_socket_directory(data_dir: Path, short_parents: Sequence[Path] | None = None) -> Path:
    """Make an empty directory that only its owner may enter.

    Args:
        data_dir: The existing data directory, held by this process.
        short_parents: Where to go if the data directory's path is too long; ``None`` means the temporary
            directory of this process, then ``/tmp``.

    Raises:
        Unavailable: ``socket_path_too_long``.
    """
    own = data_dir / "socket"
    remove_socket_directory(data_dir)
    if _is_short(own):
        own.mkdir(mode=0o700)
        return own
    if short_parents is None:
        short_parents = (Path(tempfile.gettempdir()), Path("/tmp"))  # noqa: S108 - mkdtemp makes it private
    for parent in short_parents:
        if parent.is_dir() and _is_short(parent / f"{_PREFIX}12345678"):
            directory = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
            own.symlink_to(directory)
            return directory
    raise Unavailable(
        "socket_path_too_long",
        f"The path {own / SOCKET_NAME} is too long for a socket ({_ADDRESS_SIZE_BYTES} bytes at most), and "
        "so is every temporary directory; set KAREZ_DATA_DIR or TMPDIR to a shorter path.",
    )


def remove_socket_directory(data_dir: Path) -> None:
    """Remove the directory of an earlier run, also one that was killed."""
    own = data_dir / "socket"
    if own.is_symlink():
        target = own.readlink()
        if target.name.startswith(_PREFIX) and _is_private_directory(target):
            shutil.rmtree(target, ignore_errors=True)
        own.unlink()
    elif own.exists():
        shutil.rmtree(own)


def _is_private_directory(path: Path) -> bool:
    """Tell a directory that we made from one that somebody put in its place later."""
    try:
        facts = path.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(facts.st_mode) and stat.S_IMODE(facts.st_mode) == 0o700


def _is_short(directory: Path) -> bool:
    return len(os.fsencode(directory / SOCKET_NAME)) <= _ADDRESS_SIZE_BYTES
