"""What the bank remembers, in one SQLite file: whatever it has answered is there after it was killed.

Customers' balances and the bank's debt to Karez change in the same transaction as the instruction that moves them.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from karez.services.payments.banks.messages import BindingState, Order, StandingState, payment_of_reference
from karez.simulators.bank.behaviours import Rule, fits

_TABLES = """
CREATE TABLE IF NOT EXISTS account (
    number TEXT PRIMARY KEY, holder TEXT NOT NULL, currency TEXT NOT NULL, balance_minor INTEGER NOT NULL,
    payment_max_minor INTEGER, blocked INTEGER NOT NULL, card TEXT UNIQUE, phone TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS instruction (
    id TEXT PRIMARY KEY, body TEXT NOT NULL, rule TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL,
    orders INTEGER NOT NULL, queries INTEGER NOT NULL, taken_ns INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS movement (
    number INTEGER PRIMARY KEY, instruction TEXT NOT NULL, account TEXT NOT NULL, counterparty TEXT NOT NULL,
    amount_minor INTEGER NOT NULL, currency TEXT NOT NULL, at_ns INTEGER NOT NULL, text TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS movement_by_time ON movement (account, at_ns);
CREATE TABLE IF NOT EXISTS sighting (id TEXT PRIMARY KEY) STRICT;
CREATE TABLE IF NOT EXISTS rule (number INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS binding (
    id TEXT PRIMARY KEY, account TEXT, code TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL,
    token TEXT UNIQUE, ending TEXT NOT NULL, tries INTEGER NOT NULL
) STRICT;
"""


class Account(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A customer's account.

    Attributes:
        number: Of the account.
        holder: The customer's name.
        currency: ISO 4217 letters.
        balance_minor: What is on it.
        payment_max_minor: The most for one payment; ``None`` is no limit.
        blocked: Whether nothing can be paid from it.
        card: Number of its card, if it has one.
        phone: Where codes are sent.
    """

    number: str
    holder: str
    currency: str
    balance_minor: int = 0
    payment_max_minor: int | None = None
    blocked: bool = False
    card: str | None = None
    phone: str = ""


@dataclass(frozen=True, slots=True)
class Instruction:
    """An order that the bank has taken.

    Attributes:
        order: As it came.
        rule: How the bank behaves towards it.
        state: How it stands.
        reason: Why it is declined.
        orders: How often it came.
        queries: How often it was asked for.
        taken_ns: When it came first.
    """

    order: Order
    rule: Rule
    state: StandingState
    reason: str
    orders: int
    queries: int
    taken_ns: int


@dataclass(frozen=True, slots=True)
class Movement:
    """A line of an account.

    Attributes:
        number: In the bank's order.
        instruction: By which money moved.
        counterparty: The other account.
        amount_minor: Below zero if it went out.
        currency: ISO 4217 letters.
        at_ns: When.
        text: What the order said.
    """

    number: int
    instruction: UUID
    counterparty: str
    amount_minor: int
    currency: str
    at_ns: int
    text: str


@dataclass(frozen=True, slots=True)
class KeptBinding:
    """A customer's card or account on its way to a token.

    Attributes:
        id: Made by Karez.
        account: Which is bound; ``None`` if the number is nobody's.
        code: What the holder was sent.
        state: ``challenged``, ``bound`` or ``refused``.
        reason: Why it is refused.
        token: What it is called in orders.
        ending: Last digits of its number.
        tries: How many wrong codes came.
    """

    id: UUID
    account: str | None
    code: str
    state: BindingState
    reason: str
    token: str | None
    ending: str
    tries: int


def karez_account(currency: str) -> str:
    """Return the number of Karez's own account in a currency."""
    return f"KAREZ-{currency}"


class BankStore:
    """The bank's file.

    Args:
        path: Where it is; ``None`` keeps all in memory.
    """

    def __init__(self, path: Path | None) -> None:
        self._db = sqlite3.connect(path or ":memory:", isolation_level=None)
        self._db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;" + _TABLES)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Do something as a whole or not at all."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def put_account(self, account: Account) -> None:
        """Open an account, or replace what is known of it."""
        fields = msgspec.structs.asdict(account)
        names, places = ", ".join(fields), ", ".join("?" * len(fields))
        statement = f"INSERT OR REPLACE INTO account ({names}) VALUES ({places})"  # noqa: S608 - names of our own columns
        self._db.execute(statement, list(fields.values()))

    def account(self, number: str | None) -> Account | None:
        """Return an account by its number."""
        return self._account("number = ?", number)

    def account_of_order(self, reference: str) -> Account | None:
        """Return an account by its number, by the token of a binding, or by what was paid from it at the page."""
        paid = payment_of_reference(reference)
        if paid is not None:
            return self._account(
                "number = (SELECT account FROM movement WHERE instruction = ?1 AND account NOT LIKE 'KAREZ-%')",
                paid,
            )
        return self._account(
            "number = ?1 OR number = (SELECT account FROM binding WHERE token = ?1)", reference
        )

    def account_of_card(self, number: str) -> Account | None:
        """Return an account by its own or its card's number."""
        return self._account("number = ?1 OR card = ?1", number)

    def move(self, order: Order, account: Account, at_ns: int) -> None:
        """Move an order's money between a customer and Karez."""
        received_minor = -order.amount_minor if order.kind == "debit" else order.amount_minor
        own = karez_account(order.currency)
        self._db.execute(
            "INSERT OR IGNORE INTO account VALUES (?, 'Karez', ?, 0, NULL, 0, NULL, '')",
            (own, order.currency),
        )
        for number, other, amount_minor in (
            (account.number, own, received_minor),
            (own, account.number, -received_minor),
        ):
            self._db.execute(
                "UPDATE account SET balance_minor = balance_minor + ? WHERE number = ?",
                (amount_minor, number),
            )
            line = (str(order.id), number, other, amount_minor, order.currency, at_ns, order.text)
            self._db.execute(
                "INSERT INTO movement (instruction, account, counterparty, amount_minor, currency, at_ns, text)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                line,
            )

    def movements(self, account: str, from_ns: int, until_ns: int) -> list[Movement]:
        """Return the lines of an account from one moment until before another."""
        rows = self._db.execute(
            "SELECT number, instruction, counterparty, amount_minor, currency, at_ns, text FROM movement"
            " WHERE account = ? AND at_ns >= ? AND at_ns < ? ORDER BY number",
            (account, from_ns, until_ns),
        )
        return [Movement(number, UUID(id_), *others) for number, id_, *others in rows]

    def balance_before(self, account: str, moment_ns: int) -> int:
        """Return what the lines of an account before a moment add up to."""
        rows = self._db.execute(
            "SELECT coalesce(sum(amount_minor), 0) FROM movement WHERE account = ? AND at_ns < ?",
            (account, moment_ns),
        )
        return int(rows.fetchone()[0])

    def instruction(self, id_: UUID) -> Instruction | None:
        """Return an order that the bank has taken."""
        row = self._db.execute(
            "SELECT body, rule, state, reason, orders, queries, taken_ns FROM instruction WHERE id = ?",
            (str(id_),),
        ).fetchone()
        if row is None:
            return None
        body, rule, *others = row
        return Instruction(
            msgspec.json.decode(body, type=Order), msgspec.json.decode(rule, type=Rule), *others
        )

    def put_instruction(self, kept: Instruction) -> None:
        """Keep an order, or what has become of it."""
        self._db.execute(
            "INSERT OR REPLACE INTO instruction (id, body, rule, state, reason, orders, queries, taken_ns)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                str(kept.order.id),
                msgspec.json.encode(kept.order).decode(),
                msgspec.json.encode(kept.rule).decode(),
                kept.state,
                kept.reason,
                kept.orders,
                kept.queries,
                kept.taken_ns,
            ),
        )

    def is_first_sight(self, id_: UUID) -> bool:
        """Note that an order came, and tell whether it came for the first time."""
        return self._db.execute("INSERT OR IGNORE INTO sighting VALUES (?)", (str(id_),)).rowcount == 1

    def put_rule(self, rule: Rule) -> None:
        """Add a rule; it goes before those that were there."""
        self._db.execute("INSERT INTO rule (body) VALUES (?)", (msgspec.json.encode(rule).decode(),))

    def use_rule(self, order: Order) -> Rule | None:
        """Return the rule that speaks of an order, and count its use."""
        for number, body in self._db.execute("SELECT number, body FROM rule ORDER BY number DESC").fetchall():
            rule = msgspec.json.decode(body, type=Rule)
            if not fits(rule, order):
                continue
            if rule.times is not None:
                used = msgspec.structs.replace(rule, times=rule.times - 1)
                text = msgspec.json.encode(used).decode()
                self._db.execute("UPDATE rule SET body = ? WHERE number = ?", (text, number))
            return rule
        return None

    def binding(self, id_: UUID) -> KeptBinding | None:
        """Return a binding."""
        row = self._db.execute(
            "SELECT account, code, state, reason, token, ending, tries FROM binding WHERE id = ?", (str(id_),)
        ).fetchone()
        return None if row is None else KeptBinding(id_, *row)

    def last_code(self, account: str) -> str | None:
        """Return the code that the holder of an account was sent last."""
        row = self._db.execute(
            "SELECT code FROM binding WHERE account = ? ORDER BY rowid DESC LIMIT 1", (account,)
        ).fetchone()
        return None if row is None else str(row[0])

    def put_binding(self, kept: KeptBinding) -> None:
        """Keep a binding, or what has become of it."""
        fields = (kept.account, kept.code, kept.state, kept.reason, kept.token, kept.ending, kept.tries)
        self._db.execute(
            "INSERT OR REPLACE INTO binding VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (str(kept.id), *fields)
        )

    def _account(self, condition: str, value: str | None) -> Account | None:
        names = ", ".join(Account.__struct_fields__)
        statement = f"SELECT {names} FROM account WHERE {condition}"  # noqa: S608 - names of our own columns
        row: Any = self._db.execute(statement, (value,)).fetchone()
        if row is None:
            return None
        fields = dict(zip(Account.__struct_fields__, row, strict=True))
        return msgspec.convert({**fields, "blocked": bool(fields["blocked"])}, Account)
