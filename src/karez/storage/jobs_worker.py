"""The loop of a background worker: it outlives the server, pauses when idle, and stops when asked."""

import logging
import random
import threading
from collections.abc import Callable, Mapping
from typing import Any

import psycopg

from karez.core.clock import Clock
from karez.core.outcomes import Unavailable
from karez.storage.database import connect
from karez.storage.jobs import DEFAULT_QUEUE
from karez.storage.jobs_batch import Handler, run_batch
from karez.storage.jobs_retry import DEFAULT_RETRY, Chance, RetryRule
from karez.storage.schedules import fire_due_schedules

_SHORTEST_PAUSE_S = 0.01
_GATHERING_S = 0.2
_LONGEST_RECONNECT_PAUSE_S = 5.0

_logger = logging.getLogger(__name__)


def run_worker(
    conninfo: str,
    handlers: Mapping[str, Handler],
    clock: Clock,
    stop: threading.Event,
    *,
    queue: str = DEFAULT_QUEUE,
    batch_limit: int = 20,
    retry: RetryRule = DEFAULT_RETRY,
    chance: Chance = random.random,
    longest_pause_s: float = 0.5,
) -> None:
    """Do the jobs of one queue, and fire schedules that are due, until told to stop.

    Any number of workers may run at once. The batch at hand is finished before the function returns.

    Args:
        conninfo: Connection string of the worker's login role.
        handlers: By kind of job; jobs of other kinds are left to other workers.
        clock: Tells which jobs and schedules are due.
        stop: Set it to end the worker.
        queue: Whose jobs to do.
        batch_limit: How many jobs go into one transaction.
        retry: What to do with jobs that fail.
        chance: Gives a new number from 0 up to 1 at each call, to spread out retries.
        longest_pause_s: How long a job that is due may wait for an idle worker to look.
    """

    def work(conn: psycopg.Connection[Any]) -> int:
        now_ns = clock.now_ns()
        fired_count = fire_due_schedules(conn, now_ns)
        outcome = run_batch(conn, handlers, now_ns, chance, queue=queue, limit=batch_limit, retry=retry)
        if outcome.dead:
            _logger.error("%d jobs of the queue %s were given up; see the dead jobs", outcome.dead, queue)
        return fired_count + outcome.taken

    keep_working(conninfo, work, stop, longest_pause_s=longest_pause_s)


def keep_working(
    conninfo: str,
    work: Callable[[psycopg.Connection[Any]], int],
    stop: threading.Event,
    *,
    portion: int = 1,
    longest_pause_s: float = 0.5,
) -> None:
    """Repeat a piece of work until told to stop; whoever takes leases or reads events builds on it too.

    When the server is lost, which the work lets through as an error, the loop connects anew.

    Args:
        conninfo: Connection string.
        work: Does what there is to do, in transactions of its own, and returns how much that was. After 0
            the loop pauses, longer and longer.
        stop: Set it to end the loop after the current piece of work.
        portion: How much work is worth going on at once. After less, which was all that there was, more may gather
            for a moment: many small transactions would take the processor from those who make the work.
        longest_pause_s: No pause is longer while the server is there.
    """
    pause_s = _SHORTEST_PAUSE_S
    while not stop.is_set():
        try:
            with connect(conninfo) as conn:
                while not stop.is_set():
                    done = work(conn)
                    if done >= portion:
                        pause_s = _SHORTEST_PAUSE_S
                    elif done:
                        pause_s = _SHORTEST_PAUSE_S
                        stop.wait(_GATHERING_S)
                    else:
                        stop.wait(pause_s)
                        pause_s = min(pause_s * 2, longest_pause_s)
        except (psycopg.OperationalError, psycopg.InterfaceError, Unavailable) as error:
            _logger.warning("Background work is interrupted and will be taken up again: %s", error)
            stop.wait(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_RECONNECT_PAUSE_S)
