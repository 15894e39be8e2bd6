"""A web process takes an inherited socket, answers on it, and ends in order."""

import multiprocessing
import os
import signal
import socket
from pathlib import Path
from typing import Any

import httpx

from karez.channels.api.context import ApiContext
from karez.channels.api.web_process import run_web
from karez.core.clock import SystemClock
from karez.ledger.client import BookClient
from karez.storage.database import Database
from tests.channels.api.living import WAIT_S
from tests.channels.api.making import World, open_account, transfer


def _be_web(listening: socket.socket, database: Database, socket_path: Path, log: Path, ready: Any) -> None:
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    context = ApiContext(
        book=BookClient(socket_path),
        database_web=database.web,
        secret_key=database.secret_key,
        clock=SystemClock(),
        write_log=lambda lines: os.write(descriptor, lines),
    )
    run_web(os.dup(listening.fileno()), context, ready.set)


def test_two_web_processes_share_an_address_and_write_their_log_before_they_end(
    world: World, socket_path: Path, tmp_path: Path
) -> None:
    spawning = multiprocessing.get_context("spawn")
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        ready = [spawning.Event() for _ in range(2)]
        processes = [
            spawning.Process(
                target=_be_web, args=(listening, world.database, socket_path, tmp_path / "log", event)
            )
            for event in ready
        ]
        for process in processes:
            process.start()
        try:
            assert all(event.wait(WAIT_S) for event in ready)
            url = f"http://127.0.0.1:{listening.getsockname()[1]}"
            headers = {"Authorization": f"Bearer {world.harbour}"}
            with httpx.Client(base_url=url, headers=headers, timeout=WAIT_S) as client:
                body = transfer(open_account(client), open_account(client), 1)
                assert client.post("/v1/transfers", json=body).status_code == 201
            for process in processes:
                assert process.pid is not None
                os.kill(process.pid, signal.SIGTERM)
            for process in processes:
                process.join(WAIT_S)
            assert [process.exitcode for process in processes] == [-signal.SIGTERM] * 2
            assert len((tmp_path / "log").read_text().splitlines()) == 3
        finally:
            for process in processes:
                process.kill()
                process.join()
