"""A network that connects to allowed addresses only, whatever names lead to.

A name is resolved once, all of its addresses are checked, and the connection goes to one of the addresses that were
checked: a name server that answers something else the second time (DNS rebinding) is not asked a second time. The
name itself still goes into the header ``Host`` and into the TLS handshake.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpcore

from karez.channels.webhooks.targets import TargetRefused, TargetRules

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""Returns the addresses of a host; raises ``OSError`` if there are none."""

_ADDRESSES_TRIED_MAX = 4
_CONNECT_LIMIT_S = 5.0


class SystemResolver:
    """Asks the machine's resolver in threads of its own, so that a name server that is silent delays nobody else.

    Args:
        threads: How many names are asked for at once.
    """

    def __init__(self, threads: int) -> None:
        self._threads = ThreadPoolExecutor(threads, "resolver")
        self._asked: dict[tuple[str, int], asyncio.Future[list[str]]] = {}

    async def __call__(self, host: str, port: int) -> list[str]:
        """Return the addresses of a host; several calls at a time ask once."""
        asked = self._asked.get((host, port))
        if asked is None:
            loop = asyncio.get_running_loop()
            asked = loop.run_in_executor(self._threads, _addresses, host, port)
            self._asked[host, port] = asked
            asked.add_done_callback(lambda done: self._forget(host, port, done))
        return await asyncio.shield(asked)

    def _forget(self, host: str, port: int, done: asyncio.Future[list[str]]) -> None:
        del self._asked[host, port]
        if not done.cancelled():
            done.exception()  # nobody may be left to hear of it

    def close(self) -> None:
        """Take no more questions; those that were asked are not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _addresses(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class GuardedNetwork(httpcore.AsyncNetworkBackend):
    """Opens connections for ``httpcore``.

    Args:
        rules: What may be called.
        resolve: Finds addresses.
    """

    def __init__(self, rules: TargetRules, resolve: Resolve) -> None:
        self._rules = rules
        self._resolve = resolve
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to a host, if all of its addresses may be called.

        Raises:
            TargetRefused: One of them may not, or the port.
            OSError: The host's name is not known.
            httpcore.ConnectError, httpcore.ConnectTimeout: None of them answers.
        """
        del timeout
        if not self._rules.allow_port(port):
            raise TargetRefused(f"port {port} is neither 443 nor 80")
        addresses = await self._resolve(host, port)
        if not addresses or not all(map(self._rules.allow_address, addresses)):
            raise TargetRefused("its host leads to an address that is not public")
        failure: Exception | None = None
        for address in addresses[:_ADDRESSES_TRIED_MAX]:
            try:
                return await self._network.connect_tcp(
                    address, port, _CONNECT_LIMIT_S, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        assert failure is not None, "there is at least one address"
        raise failure

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.AsyncNetworkStream:
        """Refuse: there is nobody outside at the other end of a file."""
        del path, timeout, socket_options
        raise TargetRefused("a message is not sent to a file")

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)
