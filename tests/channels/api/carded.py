"""A town whose people pay by card: a bank that is a process of its own, and a worker that instructs it."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg

from karez.core.clock import Clock, SystemClock
from karez.services.payments.banks.serving import serve_instructions
from karez.services.payments.settlers import SETTLERS
from karez.storage.database import Database, connect
from tests.channels.api.making import HARBOUR_BANK, fresh_id
from tests.channels.api.town import Town, done
from tests.simulators.bank_process import SECRET, BankProcess

HOLDER, PHONE, EXPIRY = "Ana Wang", "+8613900000001", "2049-08"
PATIENCE_S = 60
PREFIXES = ("4", "55", "2221", "62", "34", "3528", "6011", "36", "99")
"""Of several schemes, and of none."""


def card_number(prefix: str = "62", length: int = 16) -> str:
    """Return a number that nobody else has, whose check digit fits."""
    digits = prefix + f"{uuid4().int % 10 ** (length - 1 - len(prefix)):0{length - 1 - len(prefix)}}"
    doubled = [int(digit) * (2 - place % 2) for place, digit in enumerate(reversed(digits))]
    return digits + str(-sum(value // 10 + value % 10 for value in doubled) % 10)


@dataclass(frozen=True)
class Holder:
    """Somebody with a card.

    Attributes:
        party: Who.
        number: Of the card.
        account: Behind it, at the bank.
        card: Its id in Karez.
        reference: What the bank calls it.
    """

    party: str
    number: str
    account: str
    card: str
    reference: str


@dataclass(frozen=True)
class CardTown:
    """People with cards, and their bank.

    Attributes:
        town: Where they live.
        bank: The bank.
        database: Where Karez keeps everything.
    """

    town: Town
    bank: BankProcess
    database: Database

    def begin(self, party: str, number: str, key: str | None = None, /, **more: object) -> httpx.Response:
        """Begin to bind a card."""
        body = {
            "bank": HARBOUR_BANK,
            "currency": "CNY",
            "number": number,
            "expiry": EXPIRY,
            "holder": HOLDER,
            "phone": PHONE,
        }
        return self.town.act(party, "/v1/cards", {**body, **more}, key or fresh_id())

    def prove(self, party: str, card: str, code: str) -> httpx.Response:
        """Send a code."""
        return self.town.act(party, f"/v1/cards/{card}/code", {"code": code})

    def code(self, card: str) -> str:
        """Return the code that the holder of a card was sent."""
        binding = self.row("SELECT binding FROM card WHERE id = %s", card)[0]
        return str(done(self.bank.client.get(f"/admin/bindings/{binding}"), 200).json()["code"])

    def wrong_code(self, card: str) -> str:
        """Return another code."""
        return f"{(int(self.code(card)) + 1) % 1_000_000:06}"

    def holder(self, balance_minor: int = 0, **account: object) -> Holder:
        """Return somebody who has bound a card."""
        party, number = self.town.person(balance_minor), card_number()
        behind = self.bank.customer(holder=HOLDER, card=number, **account)
        card = str(done(self.begin(party, number), 201).json()["id"])
        done(self.prove(party, card, self.code(card)), 200)
        reference = str(self.row("SELECT reference FROM card WHERE id = %s", card)[0])
        return Holder(party, number, behind, card, reference)

    def pay(self, holder: Holder, trade: str, key: str | None = None, *before: object) -> httpx.Response:
        """Pay by card, after other sources."""
        sources = [*before, {"kind": "card", "card": holder.card}]
        path = f"/v1/trades/{trade}/pay"
        return self.town.act(holder.party, path, {"sources": sources}, key or fresh_id())

    def trade(self, party: str, trade: str) -> dict[str, Any]:
        """Read a trade."""
        answer = self.town.bank.get(f"/v1/trades/{trade}", headers={"Acting-For": party})
        return dict(done(answer, 200).json())

    def ended(self, party: str, trade: str) -> dict[str, Any]:
        """Wait until the bank has decided about a payment; overdue questions are asked at once."""
        self.until(lambda: self.trade(party, trade)["state"] != "paying", "the bank's decision")
        return self.trade(party, trade)

    def until(self, reached: Any, what: str) -> None:
        """Wait for something, while the bank is asked more often than the schedule says."""
        deadline = time.monotonic() + PATIENCE_S
        while not reached():
            assert time.monotonic() < deadline, f"{what} has not come"
            self.hurry()
            time.sleep(0.05)

    def hurry(self) -> None:
        """Have open instructions asked for soon."""
        with connect(self.database.owner) as conn:
            conn.execute(
                "UPDATE bank_instruction SET due_ns = 1"
                " WHERE state IN ('unknown', 'processing', 'created') AND due_ns > 1"
            )

    def card(self, holder: Holder) -> dict[str, Any]:
        """Read a card."""
        answer = self.town.bank.get("/v1/cards", headers={"Acting-For": holder.party})
        (found,) = [each for each in done(answer, 200).json()["items"] if each["id"] == holder.card]
        return dict(found)

    def row(self, query: str, *values: object) -> tuple[Any, ...]:
        """Read one row, as the owner of the database."""
        with connect(self.database.owner) as conn:
            found = conn.execute(query.encode(), values).fetchone()
        assert found is not None
        return tuple(found)

    def instruction(self, trade: str) -> UUID:
        """Return what the bank was asked last about a trade."""
        query = "SELECT id FROM bank_instruction WHERE subject = %s ORDER BY created_ns DESC LIMIT 1"
        return UUID(str(self.row(query, trade)[0]))

    def owner(self) -> psycopg.Connection[Any]:
        """Return a connection that sees everything."""
        return connect(self.database.owner)


@contextmanager
def open_card_town(
    town: Town, database: Database, book_socket: Path, file: Path, clock: Clock | None = None, **link: object
) -> Iterator[CardTown]:
    """Link Harbour Bank's computer, and run a worker that instructs it."""
    process = BankProcess(file)
    linked = {
        "institution": HARBOUR_BANK,
        "base_url": process.url,
        "secret": SECRET,
        "currencies": ["CNY"],
        **link,
    }
    town.decide("/v1/bank-links", linked)
    stop = threading.Event()
    worker = threading.Thread(
        target=serve_instructions,
        args=(database.worker, book_socket, database.secret_key, clock or SystemClock(), stop, SETTLERS),
        kwargs={"call_limit_s": 0.5, "longest_pause_s": 0.02},
    )
    worker.start()
    try:
        yield CardTown(town, process, database)
    finally:
        stop.set()
        worker.join()
        process.close()
