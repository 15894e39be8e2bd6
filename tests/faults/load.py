"""Client processes that work without a break, stand still when told to, and stop when nothing is in doubt."""

import asyncio
import contextlib
import multiprocessing
import os
import random
import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from tests.faults.callers import BookCaller, HttpCaller
from tests.faults.errands import Client, Errand
from tests.faults.gate import Gate
from tests.faults.journal import Journal
from tests.faults.world import World

PROCESS_COUNT = 2
CLIENTS_PER_ERRAND = 2

_STANDSTILL_LIMIT_S = 60.0


class ClientFailed(Exception):
    """A client process ended, or got no answer for too long."""


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """What the client processes are told.

    Attributes:
        world: Whom they may pay.
        port: Where Karez listens.
        socket: Where the bookkeeper listens.
        second_socket: Where a second one listens now and then.
        journals: Directory of the journals.
        errands: What they do.
        seed: Of their dice.
        think_s_max: How long a client rests at most between two errands.
    """

    world: World
    port: int
    socket: Path
    second_socket: Path
    journals: Path
    errands: Sequence[Errand]
    seed: int
    think_s_max: float = 0.05


class Load:
    """All client processes.

    Args:
        plan: What they are told.

    Attributes:
        troubles: Why requests had to be repeated and how often, until the last standstill.
    """

    def __init__(self, plan: LoadPlan) -> None:
        spawning = multiprocessing.get_context("spawn")
        self._pipes: list[Connection] = []
        self._processes = []
        self.troubles: Counter[str] = Counter()
        for number in range(PROCESS_COUNT):
            ours, theirs = spawning.Pipe()
            process = spawning.Process(target=_run_process, args=(plan, number, theirs), daemon=True)
            process.start()
            theirs.close()
            self._pipes.append(ours)
            self._processes.append(process)
        self.go_on()

    def stand_still(self) -> None:
        """Return when no request is under way and every answer is written down.

        Raises:
            ClientFailed: A client has no answer.
        """
        self._tell_all("stand still", "standing still")

    def go_on(self) -> None:
        """Let the clients work.

        Raises:
            ClientFailed: A client process has ended.
        """
        self._tell_all("go on", "going on")

    def finish(self) -> None:
        """Let every client get the answer that it waits for, then end.

        Raises:
            ClientFailed: A client has no answer.
        """
        self._tell_all("finish", "finished")

    def kill(self) -> None:
        """End all client processes."""
        for process, pipe in zip(self._processes, self._pipes, strict=True):
            process.kill()
            process.join()
            pipe.close()

    def _tell_all(self, word: str, expected: str) -> None:
        for pipe in self._pipes:
            # Whoever has ended has said why, and that is what is received below.
            with contextlib.suppress(BrokenPipeError):
                pipe.send(word)
        self.troubles = Counter()
        for pipe in self._pipes:
            if not pipe.poll(_STANDSTILL_LIMIT_S):
                raise ClientFailed(f"a client got no answer for {_STANDSTILL_LIMIT_S:.0f} s")
            answer, details = pipe.recv()
            if answer != expected:
                raise ClientFailed(str(details))
            self.troubles += details


def _run_process(plan: LoadPlan, number: int, pipe: Connection) -> None:
    try:
        asyncio.run(_work(plan, number, pipe))
    except BaseException:
        pipe.send(("failed", traceback.format_exc()))


async def _work(plan: LoadPlan, number: int, pipe: Connection) -> None:
    gate, troubles, finishing = Gate(), Counter[str](), asyncio.Event()
    journal = Journal(plan.journals / f"{number}.journal")
    count = len(plan.errands) * CLIENTS_PER_ERRAND
    http = HttpCaller(plan.port, plan.world.token, count, troubles)
    chance = random.Random(f"{plan.seed} {number}")
    book = BookCaller(plan.socket, plan.second_socket, plan.world.institution, chance, troubles)

    async def work_on(errand: Errand, client: Client) -> None:
        while not finishing.is_set():
            await errand(client)
            await asyncio.sleep(client.chance.uniform(0, plan.think_s_max))

    async def obey() -> None:
        words = _words(pipe)
        while (word := await words.get()) != "finish":
            if word == "stand still":
                await gate.close()
                pipe.send(("standing still", troubles))
            else:
                gate.open()
                pipe.send(("going on", troubles))
        finishing.set()
        gate.open()

    clients = [
        work_on(errand, Client(plan.world, random.Random(chance.random()), http, book, journal, gate))
        for errand in plan.errands
        for _ in range(CLIENTS_PER_ERRAND)
    ]
    # Not gather: a client that fails must be heard at once, not when all have finished.
    async with asyncio.TaskGroup() as tasks:
        for work in (obey(), *clients):
            tasks.create_task(work)
    for each in (journal, http, book):
        each.close()
    pipe.send(("finished", troubles))


def _words(pipe: Connection) -> asyncio.Queue[str]:
    words: asyncio.Queue[str] = asyncio.Queue()

    def receive() -> None:
        try:
            words.put_nowait(pipe.recv())
        except EOFError:
            os._exit(1)  # nobody is left who would read the journal

    asyncio.get_running_loop().add_reader(pipe.fileno(), receive)
    return words
