"""The worker process: projections of the book, background jobs, and whatever happens because time passes."""

import signal
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path

from karez.cli.process_roles import WorkerRole
from karez.core.clock import Clock
from karez.ledger.projection import run_projector
from karez.services.payments.trades import due as trades
from karez.services.sweeping import run_sweeps
from karez.storage.database import connect
from karez.storage.jobs_batch import Handler
from karez.storage.jobs_worker import run_worker

HANDLERS: Mapping[str, Handler] = {}
"""By kind of job, what does it; rooms add theirs here."""

SWEEPS = (*trades.SWEEPS,)
"""What becomes due; rooms add theirs here."""


def work_in_background(role: WorkerRole, clock: Clock, ready: Callable[[], None]) -> None:
    """Work until SIGTERM or SIGINT; what is at hand is finished first.

    Args:
        role: Where the database and the bookkeeper are.
        clock: Tells what is due.
        ready: Called once the database has been reached.

    Raises:
        Unavailable: The database cannot be reached at the start.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    connect(role.database).close()
    ready()
    book_socket = Path(role.bookkeeper_socket)
    works: tuple[Callable[[], None], ...] = (
        lambda: run_projector(role.database, stop),
        lambda: run_worker(role.database, HANDLERS, clock, stop),
        lambda: run_sweeps(role.database, book_socket, clock, stop, SWEEPS),
    )
    with ThreadPoolExecutor(len(works)) as threads:
        running = [threads.submit(work) for work in works]
        wait(running, return_when=FIRST_COMPLETED)
        # If one of them failed, the process ends and is started again as a whole.
        stop.set()
    for work in running:
        work.result()
