"""Hurts a working Karez again and again, and verifies after every recovery that the book is right."""

import asyncio
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from karez.ledger.client import BookClient
from karez.storage.database import connect
from tests.faults.callers import BookCaller, HttpCaller
from tests.faults.errands import EVERY_ERRAND, Errand
from tests.faults.faults import EVERY_FAULT, Fault, Mix, faults_in_turn, strike
from tests.faults.journal import Answer
from tests.faults.load import ClientFailed, Load, LoadPlan
from tests.faults.planted import environment
from tests.faults.repetition import repeat
from tests.faults.report import Report
from tests.faults.system import NotReady, System
from tests.faults.verification import ReadBalances, Verification, Violation, invariants_hold
from tests.faults.world import World, make_world

_REPEATED_COUNT = 12


@dataclass(frozen=True, slots=True)
class Plan:
    """One run.

    Attributes:
        kill_count: How often the system is hurt.
        seed: Of the choice of faults and moments, and of the clients' dice.
        faults: Which faults, how often each.
        errands: What the clients do.
        work_s: The shortest and longest time of undisturbed work before each fault.
        bug: A planted bug that the system gets.
        limit_s: After this time no further fault begins.
    """

    kill_count: int
    seed: int
    faults: Mix = field(default_factory=lambda: EVERY_FAULT)
    errands: Sequence[Errand] = EVERY_ERRAND
    work_s: tuple[float, float] = (0.1, 0.8)
    bug: str = ""
    limit_s: float = float("inf")


Progress = Callable[[str], None]
Verify = Callable[[psycopg.Connection[Any], ReadBalances], Iterator[Violation]]


def run(plan: Plan, directory: Path | None = None, progress: Progress = lambda _: None) -> Report:
    """Carry out a plan.

    Args:
        plan: What to do.
        directory: Where to make a directory for the run; the temporary one by default.
        progress: Called with one line for each thing that happens.
    """
    report = Report(plan.seed)
    started_s = time.monotonic()
    with _workplace(directory) as place:
        system = System(place / "data", environment(plan.bug))
        try:
            system.start()
            system.wait_until_ready()
            progress(f"ready after {time.monotonic() - started_s:.1f} s")
            Run(plan, system, place, report, progress).carry_out()
        except (NotReady, ClientFailed) as failure:
            report.violations.append(Violation(type(failure).__name__, str(failure)))
        finally:
            system.stop()
            if report.violations:
                report.last_words = system.last_words()
    report.duration_s = time.monotonic() - started_s
    return report


@contextmanager
def _workplace(directory: Path | None) -> Iterator[Path]:
    # A short path, because the addresses of sockets are short.
    place = Path(tempfile.mkdtemp(prefix="karez-faults-", dir=directory))
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


class Run:
    """One run on a system that is ready.

    Args:
        plan: What to do.
        system: To whom.
        place: Directory for the journals.
        report: Where to write down what happens.
        progress: Called with one line for each thing that happens.
    """

    def __init__(self, plan: Plan, system: System, place: Path, report: Report, progress: Progress) -> None:
        self._plan = plan
        self._system = system
        self._report = report
        self._progress = progress
        self._chance = random.Random(plan.seed)
        self._journals = place / "journals"
        self._journals.mkdir()
        self._world = asyncio.run(_found(system))
        self._accounts = list(self._world.units)
        self._verification = Verification(self._world, self._journals)

    def carry_out(self) -> None:
        """Load, hurt, verify."""
        load = Load(
            LoadPlan(
                self._world,
                self._system.port,
                self._system.bookkeeper_socket,
                self._system.second_socket,
                self._journals,
                self._plan.errands,
                self._plan.seed,
            )
        )
        try:
            self._hurt_and_verify(load)
            if not self._report.violations:
                load.finish()
                self._verify(Verification(self._world, self._journals).whole)
        finally:
            load.kill()
            self._report.troubles = load.troubles
            self._report.acknowledged = self._verification.counts

    def _hurt_and_verify(self, load: Load) -> None:
        faults = faults_in_turn(self._plan.faults, self._chance)
        deadline = time.monotonic() + self._plan.limit_s
        for number in range(1, self._plan.kill_count + 1):
            time.sleep(self._chance.uniform(*self._plan.work_s))
            fault = next(faults)
            restart_s = self._hurt(fault)
            load.stand_still()
            verification_s = self._verify(self._verification.verify)
            if number & number - 1 == 0:
                # They read all that is stored, so after the 1st, 2nd, 4th, 8th, ... blow is often enough.
                self._verify(lambda conn, _: invariants_hold(conn))
            self._repeat_some()
            self._progress(
                f"{number}: {fault.value}, ready after {restart_s:.1f} s, verified in {verification_s:.1f} s,"
                f" {self._verification.counts.total()} answers, {len(self._report.violations)} violations"
            )
            if self._report.violations or time.monotonic() > deadline:
                return
            load.go_on()

    def _hurt(self, fault: Fault) -> float:
        started_s = time.monotonic()
        self._report.violations += strike(fault, self._system, self._chance)
        restart_s = time.monotonic() - started_s
        self._report.restart_s.setdefault(fault.value, []).append(restart_s)
        return restart_s

    def _verify(self, verify: Verify) -> float:
        started_s = time.monotonic()
        with connect(self._system.database().owner) as conn:
            self._report.violations += verify(conn, lambda: self._system.balances(self._accounts))
        verification_s = time.monotonic() - started_s
        self._report.verification_s.append(verification_s)
        return verification_s

    def _repeat_some(self) -> None:
        sample = self._verification.sample
        chosen = self._chance.sample(sample, min(_REPEATED_COUNT, len(sample)))
        self._report.violations += asyncio.run(self._repeated(chosen))

    async def _repeated(self, chosen: list[Answer]) -> list[Violation]:
        system, world = self._system, self._world
        places = (system.bookkeeper_socket, system.second_socket)
        with (
            closing(HttpCaller(system.port, world.token, 1, Counter())) as http,
            closing(BookCaller(*places, world.institution, self._chance, Counter())) as book,
        ):
            return [violation async for violation in repeat(world, http, book, chosen)]


async def _found(system: System) -> World:
    book = BookClient(system.bookkeeper_socket)
    try:
        return await make_world(system.database(), book)
    finally:
        book.close()
