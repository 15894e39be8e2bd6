"""Server processes that outlived the Karez that started them.

Whoever calls this holds the data directory, so its former owner is dead and a server that still works in
the cluster is an orphan. It is stopped in order. The file with its process id goes too: a number that was
given to another process meanwhile would make PostgreSQL refuse to start.

Every process of a server shows the server's label in its command line, which all users may read. (Where a
process works would tell as much, but in a container even root may not read that of another user's process.)
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from karez.core.outcomes import Unavailable

_PROC = Path("/proc")
_POLL_S = 0.02
_LEADERLESS_LIMIT_S = 0.5


def server_label(cluster: Path) -> str:
    """Return what tells this cluster's server processes from all others on the machine, for ``cluster_name``.

    Args:
        cluster: The existing directory of the cluster.
    """
    facts = cluster.stat()
    return f"karez-{facts.st_dev:x}-{facts.st_ino:x}"


def stop_leftover_server(cluster: Path, limit_s: float) -> None:
    """Stop the orphans of a cluster and wait until the last one is gone.

    Args:
        cluster: The cluster's directory.
        limit_s: How long an orderly shutdown may take. After it the processes are told to quit at once, which
            the next start repairs from the log.

    Raises:
        Unavailable: ``leftover_server``.
    """
    label = server_label(cluster)
    leader = _leader(cluster)
    has_leader = leader in server_processes(label)
    if has_leader:
        _signal([leader], signal.SIGINT)
    # Without a leader the others end by themselves as soon as they look up from their work.
    if not _wait_until_gone(label, limit_s if has_leader else _LEADERLESS_LIMIT_S):
        _signal(server_processes(label), signal.SIGQUIT)
        if not _wait_until_gone(label, limit_s):
            raise Unavailable(
                "leftover_server",
                f"The database in {cluster} is held by processes of an earlier run that do not end "
                f"({', '.join(map(str, server_processes(label)))}); end them, then start Karez again.",
            )
    (cluster / "postmaster.pid").unlink(missing_ok=True)


def server_processes(label: str) -> Sequence[int]:
    """Return the ids of the processes that show a label and are PostgreSQL's."""
    return [pid for pid, name, command in _processes() if name == "postgres" and label in command]


def _processes() -> Iterator[tuple[int, str, str]]:
    """Yield the id, the program's name and the command line of each process that we may see."""
    if sys.platform == "linux":
        for entry in _PROC.iterdir():
            if entry.name.isdecimal():
                with contextlib.suppress(OSError):  # it ended meanwhile
                    name = (entry / "comm").read_text("utf-8", "replace").strip()
                    yield int(entry.name), name, (entry / "cmdline").read_text("utf-8", "replace")
        return
    shown = subprocess.run(["ps", "-A", "-o", "pid=,command="], capture_output=True, text=True, check=True)
    for line in shown.stdout.splitlines():
        pid, _, command = line.strip().partition(" ")
        yield int(pid), Path(command.split(" ")[0].rstrip(":")).name, command


def _leader(cluster: Path) -> int:
    """Return the process that takes orders, 0 if none is written down."""
    try:
        return int((cluster / "postmaster.pid").read_text("utf-8", "replace").splitlines()[0])
    except (FileNotFoundError, IndexError, ValueError):
        return 0


def _signal(processes: Sequence[int], number: signal.Signals) -> None:
    for pid in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _wait_until_gone(label: str, limit_s: float) -> bool:
    deadline = time.monotonic() + limit_s
    while server_processes(label):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True
