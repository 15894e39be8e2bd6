"""The worker process: it keeps the projections of the book up to date and does the background jobs."""

import signal
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

from karez.core.clock import Clock
from karez.ledger.projection import run_projector
from karez.storage.database import connect
from karez.storage.jobs_batch import Handler
from karez.storage.jobs_worker import run_worker

HANDLERS: Mapping[str, Handler] = {}
"""By kind of job, what does it; rooms add theirs here."""


def work_in_background(conninfo: str, clock: Clock, ready: Callable[[], None]) -> None:
    """Work until SIGTERM or SIGINT; what is at hand is finished first.

    Args:
        conninfo: Connection string of the worker's login role.
        clock: Tells which jobs are due.
        ready: Called once the database has been reached.

    Raises:
        Unavailable: The database cannot be reached at the start.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    connect(conninfo).close()
    ready()
    with ThreadPoolExecutor(2) as threads:
        works = [
            threads.submit(run_projector, conninfo, stop),
            threads.submit(run_worker, conninfo, HANDLERS, clock, stop),
        ]
        wait(works, return_when=FIRST_COMPLETED)
        # If one of them failed, the process ends and is started again as a whole.
        stop.set()
    for work in works:
        work.result()
