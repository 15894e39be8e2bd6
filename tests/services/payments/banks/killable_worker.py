"""A worker in a process of its own that stands still at an exact point, to be killed there."""

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from threading import Event
from typing import Any
from unittest.mock import patch

from karez.core.clock import SimulatedClock
from karez.ledger.client import BookClient
from karez.services.payments.banks import booking
from karez.services.payments.banks.connector import BankConnector
from karez.services.payments.banks.serving import serve_instructions
from tests.services.payments.banks.desk import SETTLERS, Desk

POINTS = {
    "before the call": (BankConnector, "send"),
    "after the answer, before it is booked": (booking, "decided"),
    "after it was booked, before the worker hears of it": (BookClient, "submit"),
}
CALL_LIMIT_S = 20.0


def _work(conninfo: str, socket: Path, secret_key: bytes, now_ns: int, point: str, pipe: Pipe) -> None:
    place, name = POINTS[point]
    act = getattr(place, name)

    def stand_still() -> None:
        pipe.send("here")
        pipe.recv()

    def before(*args: Any, **kwargs: Any) -> Any:
        stand_still()
        return act(*args, **kwargs)

    async def after(*args: Any, **kwargs: Any) -> Any:
        done = await act(*args, **kwargs)
        stand_still()
        return done

    with patch.object(place, name, after if place is BookClient else before):
        serve_instructions(
            conninfo,
            socket,
            secret_key,
            SimulatedClock(now_ns),
            Event(),
            SETTLERS,
            call_limit_s=CALL_LIMIT_S,
            longest_pause_s=0.02,
        )


@contextmanager
def killable_worker(desk: Desk, point: str) -> Iterator[Pipe]:
    """Start a worker that says when it has come to a point, and stands still there; in the end it is killed."""
    spawning = multiprocessing.get_context("spawn")
    ours, theirs = spawning.Pipe()
    database = desk.office.database
    process = spawning.Process(
        target=_work,
        args=(
            database.worker,
            desk.office.book_socket,
            database.secret_key,
            desk.clock.now_ns(),
            point,
            theirs,
        ),
        daemon=True,
    )
    process.start()
    theirs.close()
    try:
        yield ours
    finally:
        process.kill()
        process.join()
        ours.close()
