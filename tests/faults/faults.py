"""The ways in which a Karez is hurt while it works."""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from signal import SIGQUIT

from tests.faults.lone_bookkeeper import LoneBookkeeper, Orders
from tests.faults.system import ROLES, START_LIMIT_S, System, kill
from tests.faults.verification import Violation

_FENCED_LIMIT_S = 10.0
_START_S = 1.0
_POLL_S = 0.02


class Fault(Enum):
    """What is done."""

    BOOKKEEPER_KILLED = "kill -9 of the bookkeeper"
    BOOKKEEPER_KILLED_TWICE = "kill -9 of the bookkeeper and of the next one while it starts"
    POSTMASTER_KILLED = "kill -9 of the postmaster"
    POSTGRES_QUITS = "immediate stop of PostgreSQL"
    WEB_KILLED = "kill -9 of a web process"
    SUPERVISOR_KILLED = "kill -9 of karez up"
    SECOND_WRITER = "a second bookkeeper"


Mix = Mapping[Fault, int]
"""How often each fault is done, in relation to the others."""

EVERY_FAULT: Mix = {
    Fault.BOOKKEEPER_KILLED: 6,
    Fault.BOOKKEEPER_KILLED_TWICE: 2,
    Fault.POSTMASTER_KILLED: 2,
    Fault.POSTGRES_QUITS: 3,
    Fault.WEB_KILLED: 3,
    Fault.SUPERVISOR_KILLED: 2,
    Fault.SECOND_WRITER: 2,
}


def faults_in_turn(mix: Mix, chance: random.Random) -> Iterator[Fault]:
    """Yield faults without end, like cards of a deck that is shuffled again whenever it is through."""
    while True:
        deck = [fault for fault, count in mix.items() for _ in range(count)]
        chance.shuffle(deck)
        yield from deck


def strike(fault: Fault, system: System, chance: random.Random) -> Iterator[Violation]:
    """Do it, and wait until the system serves again.

    Args:
        fault: What is done.
        system: To whom; it is ready and under load.
        chance: Chooses the victim where there are several.

    Raises:
        NotReady: The system did not recover.
    """
    if fault is Fault.SECOND_WRITER:
        yield from _second_writer(system)
    else:
        system.wait_until_ready(_STRIKES[fault](system, chance))


def _kill_bookkeeper(system: System, _chance: random.Random) -> frozenset[int]:
    return _killed(system.pids("bookkeeper"))


def _kill_bookkeeper_twice(system: System, chance: random.Random) -> frozenset[int]:
    first = _killed(system.pids("bookkeeper"))
    _wait_until(lambda: bool(set(system.pids("bookkeeper")) - first), START_LIMIT_S)
    time.sleep(chance.uniform(0, _START_S))
    return first | _killed(system.pids("bookkeeper"))


def _kill_web(system: System, chance: random.Random) -> frozenset[int]:
    return _killed([chance.choice(system.pids("web"))])


def _kill_postmaster(system: System, _chance: random.Random) -> frozenset[int]:
    """Everything that stands on the database is started again with it."""
    everybody = frozenset(pid for role in ROLES for pid in system.pids(role))
    kill(system.postmaster())
    return everybody


def _quit_postgres(system: System, _chance: random.Random) -> frozenset[int]:
    everybody = frozenset(pid for role in ROLES for pid in system.pids(role))
    kill(system.postmaster(), SIGQUIT)
    return everybody


def _kill_supervisor(system: System, _chance: random.Random) -> frozenset[int]:
    system.kill_supervisor()
    system.start()
    return frozenset()


def _killed(pids: list[int]) -> frozenset[int]:
    for pid in pids:
        kill(pid)
    return frozenset(pids)


_STRIKES: Mapping[Fault, Callable[[System, random.Random], frozenset[int]]] = {
    Fault.BOOKKEEPER_KILLED: _kill_bookkeeper,
    Fault.BOOKKEEPER_KILLED_TWICE: _kill_bookkeeper_twice,
    Fault.POSTMASTER_KILLED: _kill_postmaster,
    Fault.POSTGRES_QUITS: _quit_postgres,
    Fault.WEB_KILLED: _kill_web,
    Fault.SUPERVISOR_KILLED: _kill_supervisor,
}


def _second_writer(system: System) -> Iterator[Violation]:
    """Two bookkeepers take load: the older one must stop at its next commit, and so must the second in turn.

    The supervisor starts the older one anew, which makes it the newest.
    """
    (first,) = system.pids("bookkeeper")
    orders = Orders(database=system.database().book, socket=str(system.second_socket), without_lock=True)
    second = LoneBookkeeper(orders)
    try:
        if not second.wait_until_ready():
            yield Violation("second bookkeeper", "it could not start although no lock was in its way")
            return
        if not _wait_until(lambda: first not in system.pids("bookkeeper"), _FENCED_LIMIT_S):
            yield Violation("stale writer goes on", f"bookkeeper {first} was replaced and still commits")
            return
        system.wait_until_ready(frozenset({first}))
        if not second.wait_until_ended(_FENCED_LIMIT_S):
            yield Violation("stale writer goes on", "the second bookkeeper was replaced and still commits")
    finally:
        second.kill()


def _wait_until(holds: Callable[[], bool], limit_s: float) -> bool:
    """Return whether something comes true within a time."""
    deadline = time.monotonic() + limit_s
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True
