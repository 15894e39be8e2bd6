"""Which operating system user runs the embedded server, and how a server program is started as that user.

PostgreSQL refuses to run as root. Karez then starts it as an unprivileged user that exists already; it
creates none. That user may be unable to walk to the data directory (``/root`` is closed to others), and Karez
changes nobody else's directory for it: the directories are opened as root and handed down as file
descriptors, which the server addresses as ``/proc/self/fd/N``.
"""

import os
import pwd
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from karez.core.outcomes import Unavailable

_LAUNCHER = Path(__file__).with_name("launcher.py")
_FILE_DESCRIPTOR_PATHS = Path("/proc/self/fd")


@dataclass(frozen=True, slots=True)
class ServerUser:
    """An unprivileged user that runs the server in place of root."""

    uid: int
    gid: int


def server_user(data_dir: Path, cluster: Path) -> ServerUser | None:
    """Choose the user for the server processes.

    Args:
        data_dir: The existing data directory of this Karez.
        cluster: The cluster's directory, if there is one yet.

    Returns:
        ``None`` if Karez itself is unprivileged and the server runs as the same user; else the owner of the
        cluster or of the data directory, or ``nobody`` if root owns both.

    Raises:
        Unavailable: ``no_unprivileged_user``.
    """
    if os.geteuid() != 0:
        return None
    owners = [path.stat().st_uid for path in (cluster, data_dir) if path.exists()]
    try:
        account = next((pwd.getpwuid(uid) for uid in owners if uid != 0), None) or pwd.getpwnam("nobody")
    except KeyError:
        raise Unavailable(
            "no_unprivileged_user",
            f"PostgreSQL refuses to run as root, and for {data_dir} no other user of this machine is found "
            "(neither its owner nor 'nobody'); start Karez as an ordinary user, or set KAREZ_DATABASE_URL.",
        ) from None
    return ServerUser(account.pw_uid, account.pw_gid)


class ServerDirectories:
    """Directories as the server's processes address them, kept open while they are needed.

    Args:
        user: The user that runs the server, or ``None`` for our own.
    """

    def __init__(self, user: ServerUser | None) -> None:
        self._by_descriptor = user is not None and _FILE_DESCRIPTOR_PATHS.is_dir()
        self.descriptors: list[int] = []

    def path_for_server(self, directory: Path) -> str:
        """Return the path under which the server reaches a directory that may lie below a closed one."""
        if not self._by_descriptor:
            return str(directory)
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        self.descriptors.append(descriptor)
        return str(_FILE_DESCRIPTOR_PATHS / str(descriptor))

    def close(self) -> None:
        """Close the descriptors in this process; a started server keeps its own."""
        while self.descriptors:
            os.close(self.descriptors.pop())


def launch(
    command: Sequence[str | Path],
    user: ServerUser | None,
    directories: ServerDirectories,
    output: IO[bytes] | int,
    *,
    stop_with_parent: bool,
) -> subprocess.Popen[bytes]:
    """Start a server program.

    Args:
        command: Absolute path of the program and its arguments.
        user: The user to run it as, or ``None`` for our own.
        directories: The directories that the command names.
        output: Open file for what the program prints.
        stop_with_parent: Ask for a fast shutdown when this process dies. Only Linux offers it, and there the
            death of the starting *thread* counts, so it is left out in any thread but the main one.
    """
    tied = (
        stop_with_parent and sys.platform == "linux" and threading.current_thread() is threading.main_thread()
    )
    identity = ["-", "-"] if user is None else [str(user.uid), str(user.gid)]
    return subprocess.Popen(
        [
            *(sys.executable, "-I", "-S", _LAUNCHER),
            *(*identity, str(os.getpid()) if tied else "-"),
            *command,
        ],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        cwd="/",
        env=_server_environment(),
        pass_fds=directories.descriptors,
        start_new_session=True,  # a Ctrl-C in the terminal is for Karez, which then stops the server in order
    )


def _server_environment() -> Mapping[str, str]:
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C", "TZ": "UTC"}


def give_to(user: ServerUser | None, path: Path) -> None:
    """Hand a file or directory of ours to the server's user."""
    if user is not None:
        os.chown(path, user.uid, user.gid, follow_symlinks=False)
