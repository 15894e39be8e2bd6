"""Buyers who order, pay, confirm and bring back; whatever happens, each request is repeated until answered."""

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx

from tests.channels.api.town import Town

ANSWER_LIMIT_S = 15.0

_PRICE_MINOR = 100
_PAUSE_S_MAX = 0.3


@dataclass(frozen=True, slots=True)
class Told:
    """A step of a trade that was acknowledged.

    Attributes:
        trade: Which.
        path: What was asked.
        party: For whom.
        key: The ``Idempotency-Key``.
        body: What was sent with it.
        answer: What was answered, as it came.
    """

    trade: str
    path: str
    party: str
    key: str
    body: dict[str, Any] | None
    answer: bytes


@dataclass
class Market:
    """Buyers at work.

    Attributes:
        url: Where Karez listens.
        token: Of the bank that acts for them.
        buyers: Who buys.
        shops: Who sells.
        told: What was acknowledged.
        troubles: Why requests had to be repeated, and how often.
    """

    url: str
    token: str
    buyers: list[str]
    shops: list[str]
    told: list[Told] = field(default_factory=list)
    troubles: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    _open: threading.Event = field(default_factory=threading.Event)
    _over: threading.Event = field(default_factory=threading.Event)
    _busy: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def trading(self, threads: int) -> Iterator[None]:
        """Let buyers trade, each in a thread of its own, until the block ends."""
        self._open.set()
        workers = [threading.Thread(target=self._trade, args=(number,)) for number in range(threads)]
        for worker in workers:
            worker.start()
        try:
            yield
        finally:
            self._over.set()
            self._open.set()
            for worker in workers:
                worker.join()

    @contextmanager
    def at_rest(self) -> Iterator[None]:
        """Hold every buyer between two trades for as long as the block lasts."""
        self._open.clear()
        while self._busy:
            time.sleep(0.01)
        yield
        self._open.set()

    def repeat(self, client: httpx.Client, step: Told) -> bytes:
        """Ask for something again."""
        return self._ask(client, step.path, step.party, step.key, step.body).content

    def client(self) -> httpx.Client:
        """Return a client of the bank's program."""
        return httpx.Client(
            base_url=self.url, headers={"Authorization": f"Bearer {self.token}"}, timeout=ANSWER_LIMIT_S
        )

    def _trade(self, seed: int) -> None:
        chance = random.Random(seed)
        with self.client() as client:
            while not self._over.is_set():
                self._open.wait()
                with self._lock:
                    self._busy += 1
                try:
                    self._one_trade(client, chance)
                except Exception as failure:
                    self.failures.append(repr(failure))
                    return
                finally:
                    with self._lock:
                        self._busy -= 1

    def _one_trade(self, client: httpx.Client, chance: random.Random) -> None:
        shop, buyer = chance.choice(self.shops), chance.choice(self.buyers)
        order = {"reference": str(uuid4()), "title": "Bowl", "currency": "CNY", "amount_minor": _PRICE_MINOR}
        trade = str(self._step(client, "", "/v1/trades", shop, order, 201)["id"])
        self._step(client, trade, f"/v1/trades/{trade}/pay", buyer)
        if chance.random() < 0.2:
            return  # it stays in escrow
        self._step(client, trade, f"/v1/trades/{trade}/confirm", buyer)
        for part in range(chance.choice((0, 0, 1, 2))):
            refund = {"reference": f"part-{part}", "amount_minor": 30}
            self._step(client, trade, f"/v1/trades/{trade}/refunds", shop, refund, 201)
            if part:
                # With what has gone back already it would be more than was paid.
                beyond = {"reference": "beyond", "amount_minor": _PRICE_MINOR - 30 * part}
                self._step(client, trade, f"/v1/trades/{trade}/refunds", shop, beyond, 422)

    def _step(
        self,
        client: httpx.Client,
        trade: str,
        path: str,
        party: str,
        body: dict[str, Any] | None = None,
        status: int = 200,
    ) -> dict[str, Any]:
        key = str(uuid4())
        answer = self._ask(client, path, party, key, body)
        assert answer.status_code == status, answer.text
        found: dict[str, Any] = answer.json()
        if answer.is_success:
            self.told.append(Told(trade or str(found["id"]), path, party, key, body, answer.content))
        return found

    def _ask(
        self, client: httpx.Client, path: str, party: str, key: str, body: dict[str, Any] | None
    ) -> httpx.Response:
        while True:
            try:
                answer = client.post(path, json=body, headers={"Acting-For": party, "Idempotency-Key": key})
            except httpx.HTTPError as error:
                self.troubles[type(error).__name__] += 1
            else:
                if answer.status_code < 500:
                    return answer
                self.troubles[str(answer.json()["code"])] += 1
            time.sleep(random.uniform(0, _PAUSE_S_MAX))


def make_market(town: Town, url: str, token: str) -> Market:
    """Let people and shops move in, with money."""
    return Market(url, token, [town.person(10_000_000) for _ in range(6)], [town.shop() for _ in range(4)])
