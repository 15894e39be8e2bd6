"""A whole Karez behind the API: a bookkeeper process on a real database, and uvicorn on a loopback port."""

import asyncio
import multiprocessing
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from karez.channels.api.context import ApiContext
from karez.channels.api.rate_limits import RateLimits
from karez.channels.api.web_process import WebServer
from karez.core.clock import Clock, SystemClock
from karez.ledger import service
from karez.ledger.client import BookClient
from karez.storage.database import Database

WAIT_S = 60.0

Stop = Callable[[], None]


def _keep_book(conninfo: str, path: Path, ready: Any) -> None:
    asyncio.run(service.serve(conninfo, path, SystemClock(), ready.set))


@contextmanager
def bookkeeper(database: Database, socket_path: Path) -> Iterator[multiprocessing.process.BaseProcess]:
    """Run the bookkeeper as a process of its own."""
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=_keep_book, args=(database.book, socket_path, ready))
    process.start()
    try:
        assert ready.wait(WAIT_S), "the bookkeeper has not started"
        yield process
    finally:
        process.kill()
        process.join()


@dataclass
class LiveApi:
    """An API that answers on a loopback port.

    Attributes:
        url: Where.
        database: What it stands on.
        log: What it has logged, as bytes.
    """

    url: str
    database: Database
    log: list[bytes] = field(default_factory=list)

    def client(self, token: str | None = None) -> httpx.Client:
        """Return an HTTP client that sends a token."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=WAIT_S)


@contextmanager
def live_api(
    database: Database, socket_path: Path, limits: RateLimits | None = None, clock: Clock | None = None
) -> Iterator[LiveApi]:
    """Run uvicorn with the API in a thread."""
    log: list[bytes] = []
    context = ApiContext(
        book=BookClient(socket_path),
        database_web=database.web,
        secret_key=database.secret_key,
        clock=clock or SystemClock(),
        limits=limits or RateLimits(),
        write_log=log.append,
    )
    started = threading.Event()
    server = WebServer(context, started.set)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            assert started.wait(WAIT_S), "uvicorn has not started"
            yield LiveApi(f"http://127.0.0.1:{listening.getsockname()[1]}", database, log)
        finally:
            server.should_exit = True
            thread.join()
