"""Programs that stand on an embedded server, to be run and killed by the tests."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ANOTHER_USER = "nobody"

# Writes numbers one transaction each, and prints each number once the database has acknowledged it. With
# "thread" the server is started by a thread that ends, which leaves it alive when the program is killed.
WRITER = """
import sys, threading
from pathlib import Path
from karez.storage.database import connect
from karez.storage.embedded import EmbeddedPostgres

server = EmbeddedPostgres(Path(sys.argv[1]))
if sys.argv[2:] == ["thread"]:
    starter = threading.Thread(target=server.start)
    starter.start()
    starter.join()
else:
    server.start()
print(server.pid, flush=True)
with connect(server.conninfo()) as conn:
    conn.execute("CREATE TABLE IF NOT EXISTS number (value int PRIMARY KEY)")
    value = conn.execute("SELECT count(*) FROM number").fetchone()[0]
    while True:
        conn.execute("INSERT INTO number VALUES (%s)", (value,))
        value += 1
        print(value, flush=True)
"""

# Starts and stops a server, or prints the code of the refusal and its sentence.
STARTER = """
import sys
from pathlib import Path
from karez.core.outcomes import Unavailable
from karez.storage.database import connect
from karez.storage.embedded import EmbeddedPostgres

try:
    with EmbeddedPostgres(Path(sys.argv[1])) as server, connect(server.conninfo()) as conn:
        print("works", conn.execute("SELECT 1").fetchone()[0])
except Unavailable as refusal:
    print(refusal.code, refusal.sentence)
"""


def start_program(text: str, *arguments: str | Path) -> subprocess.Popen[str]:
    """Start a program as the present user."""
    return subprocess.Popen(
        [sys.executable, "-c", text, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def as_ordinary_user(command: list[str | Path]) -> list[str | Path]:
    """Make a command run as a user without root's powers.

    The user keeps one of them, to search and read everywhere, because the Python that runs these tests may
    lie in root's home. It does not help with writing or owning.
    """
    if os.geteuid() != 0:
        return command
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("the program setpriv, which runs another one as another user, is not installed")
    return [
        *(setpriv, f"--reuid={ANOTHER_USER}", "--regid=65534", "--clear-groups"),
        *("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"),
        *command,
    ]


def run_as_ordinary_user(text: str, *arguments: str | Path) -> str:
    """Run a program as a user without root's powers, and return what it printed."""
    command = as_ordinary_user([sys.executable, "-c", text, *arguments])
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
