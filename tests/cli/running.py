"""A Karez that runs: started as its operator starts it, watched through its own words."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

LIMIT_S = 120.0
_POLL_S = 0.05


class RunningKarez:
    """One ``karez up``.

    Args:
        settings: Its environment.
        output: Where its words go.
        arguments: Options of the command.
    """

    def __init__(self, settings: dict[str, str], output: Path, *arguments: str) -> None:
        self.data_dir = Path(settings["KAREZ_DATA_DIR"])
        self._output = output
        with output.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "karez.cli", "up", "--port", "0", *arguments],
                env=settings,
                stdout=file,
                stderr=subprocess.STDOUT,
            )

    @property
    def words(self) -> str:
        """All that it has said."""
        return self._output.read_text()

    @property
    def address(self) -> str:
        """Where it answers."""
        found = re.search(r"Ready after .* at (http://\S+)", self.words)
        assert found, self.words
        return found[1]

    def wait_until_ready(self) -> "RunningKarez":
        wait_until(lambda: "Stop with Ctrl-C" in self.words or self.process.poll() is not None)
        assert self.process.poll() is None, self.words
        return self

    def children(self) -> dict[str, int]:
        """The process ids of its children by name."""
        found = {}
        for pid in children_of(self.process.pid):
            with suppress(OSError):  # it may end in between
                arguments = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
                found[arguments[4] if "karez.cli" in arguments else "postgres"] = pid
        return found

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def end(self) -> None:
        """End it whatever it does."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(LIMIT_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def answers(address: str, path: str = "/healthz") -> bool:
    """Tell whether an address answers with success."""
    try:
        with urllib.request.urlopen(address + path, timeout=10) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + LIMIT_S
    while not is_so():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(_POLL_S)


def children_of(pid: int) -> list[int]:
    """The process ids of the children of a process."""
    tasks = Path(f"/proc/{pid}/task")
    return [int(child) for task in tasks.iterdir() for child in (task / "children").read_text().split()]


def is_running(pid: int) -> bool:
    """Tell whether a process is there and not just unburied."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z" and os.path.exists(f"/proc/{pid}")
