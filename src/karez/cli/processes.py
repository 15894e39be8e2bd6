"""A process of Karez, seen from the one that starts it.

The pipe to a process stays open as long as its parent lives. When it closes, however the parent died, the process
ends too (``process.py``); so nothing is left behind even by ``kill -9``.
"""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from contextlib import suppress

import msgspec

from karez.cli.process_roles import Message, Role
from karez.core.outcomes import Unavailable

START_LIMIT_S = 120.0

_decode_message = msgspec.json.Decoder(Message).decode


class ChildProcess:
    """One process that plays a role; it can be started again after it has ended.

    Args:
        name: What people call it, for example ``bookkeeper``.
        role: What it is told.
        descriptors: Open files that it inherits.
    """

    def __init__(self, name: str, role: Role, descriptors: Sequence[int] = ()) -> None:
        self.name = name
        self._role = role
        self._descriptors = tuple(descriptors)
        self._process: Process | None = None

    @property
    def pid(self) -> int | None:
        """Return the process id while it runs."""
        if self._process is None or self._process.returncode is not None:
            return None
        return self._process.pid

    async def start(self) -> None:
        """Start it and wait until it is ready.

        Raises:
            Unavailable: What the process says, or ``process_not_ready``.
        """
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "karez.cli", "process", self.name),
            stdin=PIPE,
            stdout=PIPE,
            pass_fds=self._descriptors,
            # A Ctrl-C in the terminal is for the parent alone, which then stops everything in order.
            start_new_session=True,
        )
        message = await self._first_message(self._process)
        if not message.ready:
            await self.stop(limit_s=5.0)
            raise Unavailable(message.code, message.sentence)

    async def _first_message(self, process: Process) -> Message:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(msgspec.json.encode(self._role) + b"\n")
            await process.stdin.drain()
            line = await asyncio.wait_for(process.stdout.readline(), START_LIMIT_S)
            return _decode_message(line)
        except TimeoutError:
            reason = f"was not ready after {START_LIMIT_S:.0f} s"
        except (ConnectionError, msgspec.MsgspecError):
            reason = "ended while it was starting"
        sentence = f"The {self.name} process {reason}; the lines above tell why, repair that and try again."
        return Message(False, "process_not_ready", sentence)

    async def wait(self) -> int:
        """Wait until it ends and return its exit code, negative for a signal."""
        assert self._process is not None
        return await self._process.wait()

    async def stop(self, limit_s: float) -> None:
        """Ask it to end, and end it if it does not.

        Args:
            limit_s: How long it may take to finish what it is doing.
        """
        process = self._process
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), limit_s)
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        if process.stdin is not None:
            process.stdin.close()
