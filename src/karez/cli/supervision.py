"""Keeps the processes of a Karez running: starts them in order, starts again what dies, stops all in order.

A process that dies is started again after a pause, which doubles as long as it keeps dying soon. If what died is the
database under them, that is not repaired here: ``supervise`` stops everything and says so, and its caller opens the
database anew.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from enum import Enum

from karez.cli.processes import ChildProcess
from karez.core.outcomes import Unavailable

STOP_LIMIT_S = 30.0

_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 10.0
_STEADY_AFTER_S = 30.0

Report = Callable[[str], None]


class Ending(Enum):
    """Why ``supervise`` returned."""

    STOPPED = "stopped"
    DATABASE_LOST = "database lost"


def restart_pause_s(quick_deaths: int) -> float:
    """Return how long to wait before a process is started again.

    Args:
        quick_deaths: How often in a row it has died soon after its start, 1 or more.
    """
    return min(_FIRST_PAUSE_S * 2.0 ** min(quick_deaths - 1, 16), _LONGEST_PAUSE_S)


async def supervise(
    stages: Sequence[Sequence[ChildProcess]],
    stop: asyncio.Event,
    database_is_lost: Callable[[], bool],
    on_ready: Callable[[], None],
    report: Report,
) -> Ending:
    """Run all processes until told to stop.

    Args:
        stages: Groups of processes; each group starts when the one before is ready, and stops before it.
        stop: Set it to stop.
        database_is_lost: Asked after a process died; blocking.
        on_ready: Called once when all processes are ready.
        report: Called with one sentence for each thing that happens.

    Returns:
        Why it ended.

    Raises:
        Unavailable: A process cannot start.
    """
    try:
        if await _unless(stop, _start_all(stages, report)):
            on_ready()
            await _unless(stop, _keep_all(stages, database_is_lost, report))
        return Ending.STOPPED if stop.is_set() else Ending.DATABASE_LOST
    finally:
        for stage in reversed(stages):
            await asyncio.gather(*(child.stop(STOP_LIMIT_S) for child in stage))


async def _unless(stop: asyncio.Event, work: Coroutine[None, None, None]) -> bool:
    """Do some work, but give it up when told to stop; returns whether it was done."""
    working = asyncio.ensure_future(work)
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if stop.is_set():
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        return False
    working.result()  # lets an error out
    return True


async def _start_all(stages: Sequence[Sequence[ChildProcess]], report: Report) -> None:
    for stage in stages:
        await asyncio.gather(*(_start(child, report) for child in stage))


async def _start(child: ChildProcess, report: Report) -> None:
    started_s = time.monotonic()
    await child.start()
    report(f"{child.name} ready after {time.monotonic() - started_s:.1f} s")


async def _keep_all(
    stages: Sequence[Sequence[ChildProcess]], database_is_lost: Callable[[], bool], report: Report
) -> None:
    """Return when the database is lost."""
    keepers = [
        asyncio.ensure_future(_keep(child, database_is_lost, report)) for stage in stages for child in stage
    ]
    try:
        done, _ = await asyncio.wait(keepers, return_when=asyncio.FIRST_COMPLETED)
        for keeper in done:
            keeper.result()  # lets an error out
    finally:
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)


async def _keep(child: ChildProcess, database_is_lost: Callable[[], bool], report: Report) -> None:
    """Start one process again whenever it dies; returns when that is of no use because the database is lost."""
    loop = asyncio.get_running_loop()
    quick_deaths = 0
    while True:
        started_s = time.monotonic()
        if child.pid is not None:
            code = await child.wait()
            was_steady = time.monotonic() - started_s > _STEADY_AFTER_S
            quick_deaths = 1 if was_steady else quick_deaths + 1
            cause = f"signal {-code}" if code < 0 else f"exit code {code}"
            report(f"{child.name} ended ({cause}); it is started again")
        else:
            quick_deaths += 1
        if await loop.run_in_executor(None, database_is_lost):
            return
        await asyncio.sleep(restart_pause_s(quick_deaths))
        try:
            await child.start()
            report(f"{child.name} ready again")
        except Unavailable as trouble:
            report(f"{child.name} cannot start yet: {trouble.sentence}")
