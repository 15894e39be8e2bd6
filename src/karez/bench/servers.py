"""Starts the two servers that the HTTP benchmark compares, each as a user would start it."""

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg.conninfo import conninfo_to_dict

_READY_LIMIT_S = 90
_ADDRESS = re.compile(r"at http://([^:]+):(\d+)")
_TOKEN = re.compile(r"once: (\S+)")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens, and the token that it takes."""

    host: str
    port: int
    token: str = ""

    def read(self, path: str) -> Any:
        """Return what a route answers."""
        return json.loads(self.call("GET", path))

    def call(self, method: str, path: str, body: object = None, key: str | None = None) -> bytes:
        """Make one request that must succeed, and return its answer."""
        request = urllib.request.Request(
            f"http://{self.host}:{self.port}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"}
            | ({} if key is None else {"Idempotency-Key": key}),
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - always http on loopback
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            raise RuntimeError(
                f"{method} {path} was answered {error.code}: {error.read().decode()}"
            ) from error


@contextmanager
def karez_server(folder: Path, workers: int) -> Iterator[Address]:
    """Run ``karez up`` on an empty directory."""
    environment = {**os.environ, "KAREZ_DATA_DIR": str(folder), "COLUMNS": "250"}
    environment.pop("KAREZ_DATABASE_URL", None)
    log = folder.with_suffix(".log")
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "karez.cli", "up", "--workers", str(workers), "--port", "0"],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
        )
    try:
        yield _wait_for_karez(process, log)
    finally:
        process.terminate()
        process.wait(60)


def _wait_for_karez(process: subprocess.Popen[bytes], log: Path) -> Address:
    limit_s = time.monotonic() + _READY_LIMIT_S
    while time.monotonic() < limit_s and process.poll() is None:
        text = log.read_text()
        address, token = _ADDRESS.search(text), _TOKEN.search(text)
        if address and token and "Next:" in text:
            return Address(address[1], int(address[2]), token[1])
        time.sleep(0.05)
    raise RuntimeError(f"karez up did not become ready:\n{log.read_text()}")


@contextmanager
def row_locks_server(
    conninfo: str, workers: int, app: str = "karez.bench.row_locks_app:app"
) -> Iterator[Address]:
    """Run a FastAPI yardstick on a database that has its tables."""
    given = conninfo_to_dict(conninfo)
    names = {
        "host": "PGHOST",
        "port": "PGPORT",
        "user": "PGUSER",
        "password": "PGPASSWORD",
        "dbname": "PGDATABASE",
    }
    environment = {
        **os.environ,
        **{variable: str(given[name]) for name, variable in names.items() if name in given},
    }
    port = _free_port()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "uvicorn", app, "--port", str(port)),
            *("--workers", str(workers), "--no-access-log", "--log-level", "error"),
        ],
        env=environment,
    )
    try:
        _wait_for_port(port)
        yield Address("127.0.0.1", port)
    finally:
        process.terminate()
        process.wait(60)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for_port(port: int) -> None:
    limit_s = time.monotonic() + _READY_LIMIT_S
    while time.monotonic() < limit_s:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("the FastAPI yardstick did not become ready")
