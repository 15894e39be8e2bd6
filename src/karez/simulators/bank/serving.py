"""Runs the bank on a port of this machine."""

import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn

from karez.core.clock import Clock
from karez.simulators.bank.app import BankApp
from karez.simulators.bank.bank import Bank
from karez.simulators.bank.behaviours import Mix
from karez.simulators.bank.clock import BankClock
from karez.simulators.bank.customers import customers
from karez.simulators.bank.http import BreakableProtocol
from karez.simulators.bank.store import BankStore

_SHUTDOWN_LIMIT_S = 1


def serve_bank(
    secret: str,
    clock: Clock,
    ready: Callable[[str], None],
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    file: Path | None = None,
    mix: Mix | None = None,
    customer_count: int = 0,
    currency: str = "CNY",
) -> None:
    """Be a bank until SIGTERM or SIGINT.

    Args:
        secret: What Karez signs with.
        clock: The time that the bank follows.
        ready: Called with the bank's address once it answers.
        host: Where it listens.
        port: On which TCP port; 0 takes a free one.
        file: Where it remembers; ``None`` keeps all in memory.
        mix: How it behaves where no rule says it.
        customer_count: How many customers it has to begin with.
        currency: Of their accounts.
    """
    store = BankStore(file)
    for account in customers(customer_count, currency):
        if store.account(account.number) is None:
            store.put_account(account)
    own_clock = BankClock(clock)
    app = BankApp(Bank(store, mix or Mix(), own_clock.now_ns), own_clock, secret)
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        address = f"http://{host}:{listening.getsockname()[1]}"
        _Server(app, lambda: ready(address)).run(sockets=[listening])
    store.close()


class _Server(uvicorn.Server):
    def __init__(self, app: BankApp, ready: Callable[[], None]) -> None:
        config = uvicorn.Config(
            app,
            http=BreakableProtocol,
            ws="none",
            lifespan="on",
            access_log=False,
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=_SHUTDOWN_LIMIT_S,
        )
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen, then tell it."""
        await super().startup(sockets)
        if self.started:
            self._ready()
