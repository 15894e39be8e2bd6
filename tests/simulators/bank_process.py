"""The simulator bank as a process, and the words in which tests steer it."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import msgspec

from karez.services.payments.banks.messages import Order
from karez.services.payments.banks.signatures import signed_request

SECRET = "what Karez and the bank both hold"
BALANCE_MINOR = 1_000_000


class BankProcess:
    """A simulator bank on a loopback port.

    Args:
        file: Where it remembers.
        options: Further ones of its command line.
    """

    def __init__(self, file: Path, *options: str) -> None:
        self._file = file
        self._command = [
            sys.executable,
            "-m",
            "karez.simulators.bank",
            "--file",
            str(file),
            *options,
        ]
        self._start(0)
        self.client = httpx.Client(base_url=self.url, timeout=30, trust_env=False)

    def _start(self, port: int) -> None:
        self._process = subprocess.Popen(
            [*self._command, "--port", str(port)],
            env={**os.environ, "KAREZ_BANK_SECRET": SECRET},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        assert self.url.startswith("http://127.0.0.1:"), "the bank has not started"

    def kill(self) -> None:
        """End it as ``kill -9`` does."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def restart(self) -> None:
        """Kill it and start it again at the same address."""
        self.kill()
        self._start(int(self.url.rsplit(":", 1)[1]))

    def close(self) -> None:
        """End it."""
        self.client.close()
        self.kill()

    def customer(self, **fields: object) -> str:
        """Open an account for a new customer and return its number."""
        number = f"A{uuid4().int % 10**18:018}"
        account = {"number": number, "holder": "Ana", "currency": "CNY", "balance_minor": BALANCE_MINOR}
        self.steer("/admin/accounts", [account | fields])
        return number

    def behave(self, reference: str, behaviour: str, **more: object) -> None:
        """Say how it behaves towards the next order of an account."""
        self.steer("/admin/rules", [{"reference": reference, "behaviour": behaviour, **more}])

    def steer(self, path: str, body: object) -> None:
        """Tell it something."""
        answer = self.client.post(path, json=body)
        assert answer.status_code == 204, answer.text

    def balance(self, account: str) -> int:
        """Return what is on a customer's account."""
        return int(self.client.get(f"/admin/accounts/{account}").json()["balance_minor"])

    def bindings(self) -> int:
        """Return how many bindings it has heard of."""
        with closing(sqlite3.connect(self._file)) as conn:
            return int(conn.execute("SELECT count(*) FROM binding").fetchone()[0])

    def seen(self, instruction: UUID) -> dict[str, object] | None:
        """Return what it has seen of an order; ``None`` if it never came."""
        answer = self.client.get(f"/admin/instructions/{instruction}")
        return dict(answer.json()) if answer.status_code == 200 else None

    def post(self, path: str, body: bytes, timeout_s: float = 30) -> httpx.Response:
        """Send something signed."""
        headers = signed_request(SECRET, "POST", path, body)
        return self.client.post(path, content=body, headers=headers, timeout=timeout_s)

    def get(self, path: str) -> httpx.Response:
        """Ask for something signed."""
        return self.client.get(path, headers=signed_request(SECRET, "GET", path, b""))


def order(reference: str, amount_minor: int = 1_000, **fields: Any) -> Order:
    """An order to debit a customer, unless its fields say otherwise."""
    given: dict[str, object] = {
        "id": uuid4(),
        "kind": "debit",
        "amount_minor": amount_minor,
        "currency": "CNY",
        "reference": reference,
        "text": "Tea",
    }
    return msgspec.convert(given | fields, Order)
