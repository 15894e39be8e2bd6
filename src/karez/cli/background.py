"""The worker process: projections of the book, background jobs, and whatever happens because time passes."""

import os
import signal
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path

from karez.channels.webhooks import announcing, cleaning
from karez.channels.webhooks.delivering import deliver_webhooks
from karez.channels.webhooks.queueing import queue_webhooks
from karez.channels.webhooks.sender import Sender
from karez.channels.webhooks.targets import TargetRules
from karez.cli.process_roles import WorkerRole
from karez.core.clock import Clock
from karez.ledger.projection import run_projector
from karez.services.payments.agreements import due as agreements
from karez.services.payments.banks.serving import serve_instructions
from karez.services.payments.bills import due as bills
from karez.services.payments.chargebacks import due as chargebacks
from karez.services.payments.holds import due as holds
from karez.services.payments.qr import forgetting
from karez.services.payments.reconciliation.working import serve_reconciliation
from karez.services.payments.redpackets import due as red_packets
from karez.services.payments.settlement import due as settlement
from karez.services.payments.settlers import SETTLERS
from karez.services.payments.trades import due as trades
from karez.services.sweeping import run_sweeps
from karez.storage.database import connect
from karez.storage.jobs_batch import Handler
from karez.storage.jobs_worker import run_worker
from karez.storage.schedules import put_schedules

HANDLERS: Mapping[str, Handler] = {**cleaning.HANDLERS, **forgetting.HANDLERS}
"""By kind of job, what does it; rooms add theirs here."""

SWEEPS = (
    *trades.SWEEPS,
    *bills.SWEEPS,
    *agreements.SWEEPS,
    *holds.SWEEPS,
    *red_packets.SWEEPS,
    *settlement.SWEEPS,
    *chargebacks.SWEEPS,
    *announcing.SWEEPS,
)
"""What becomes due; rooms add theirs here."""

_NICENESS = 10

SCHEDULES = (*cleaning.SCHEDULES, *forgetting.SCHEDULES)
"""Which jobs come back; rooms add theirs here."""


def work_in_background(role: WorkerRole, clock: Clock, ready: Callable[[], None]) -> None:
    """Work until SIGTERM or SIGINT; what is at hand is finished first.

    Args:
        role: Where the database and the bookkeeper are.
        clock: Tells what is due.
        ready: Called once the database has been reached.

    Raises:
        Unavailable: The database cannot be reached at the start.
    """
    # What can wait a moment leaves the processor to those whose answers somebody waits for.
    os.nice(_NICENESS)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with connect(role.database) as conn:
        put_schedules(conn, SCHEDULES, clock.now_ns())
    ready()
    book_socket = Path(role.bookkeeper_socket)
    sender = Sender(TargetRules(private=role.webhook_private_targets))
    works: tuple[Callable[[], None], ...] = (
        lambda: run_projector(role.database, stop),
        lambda: run_worker(role.database, HANDLERS, clock, stop),
        lambda: run_sweeps(role.database, book_socket, clock, stop, SWEEPS),
        lambda: serve_instructions(role.database, book_socket, role.secret_key, clock, stop, SETTLERS),
        lambda: serve_reconciliation(role.database, book_socket, role.secret_key, clock, stop),
        lambda: queue_webhooks(role.database, clock, stop),
        lambda: deliver_webhooks(role.database, role.secret_key, clock, stop, sender),
    )
    with ThreadPoolExecutor(len(works)) as threads:
        running = [threads.submit(work) for work in works]
        wait(running, return_when=FIRST_COMPLETED)
        # If one of them failed, the process ends and is started again as a whole.
        stop.set()
    for work in running:
        work.result()
