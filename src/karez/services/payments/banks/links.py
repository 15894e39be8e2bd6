"""Which banks Karez can instruct: where each of them is, the secret that both hold, and its currencies."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
import psycopg

from karez.core.ids import NIL, derived_id
from karez.core.outcomes import Rejected
from karez.core.sealing import Place, Sealer
from karez.ledger.operations import Operation, RowInsert, RowUpdate, Scalar
from karez.services.asking import Asking
from karez.services.payments import accounts
from karez.services.payments.accounts import AccountCode
from karez.services.payments.house import House

SECRET_LENGTH_MIN = 16

_CHANGED = "SELECT changed_ns FROM bank_link WHERE institution = %s"
_SEALED = "SELECT sealed FROM bank_link WHERE institution = %s"
_ACCOUNTS = "SELECT id FROM account WHERE id = ANY(%s)"


@dataclass(frozen=True, slots=True)
class NewLink:
    """A bank that is to take instructions.

    Attributes:
        bank: Its institution number.
        base_url: Where its protocol begins.
        notify_url: Where it tells Karez how an instruction ended.
        secret: What both sides hold, 16 characters or more.
        currencies: ISO 4217 letters.
        is_open: Whether it takes instructions; one that is paused is not called at all.
    """

    bank: int
    base_url: str
    notify_url: str | None
    secret: str = field(repr=False)
    currencies: tuple[str, ...]
    is_open: bool = True


@dataclass(frozen=True, slots=True)
class LinkFacts:
    """What is there already.

    Attributes:
        changed_ns: When the link was changed last; ``None`` if there is none.
        accounts: Those of the clearing accounts that are open.
    """

    changed_ns: int | None
    accounts: frozenset[UUID]


class LinkReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """A bank that takes instructions."""

    bank: int
    base_url: str
    currencies: tuple[str, ...]
    state: str


def sealer(secret_key: bytes) -> Sealer:
    """Return what seals the secrets of banks.

    Args:
        secret_key: ``Database.secret_key``.
    """
    return Sealer({1: secret_key}, "bank link")


def place_of(bank: int) -> Place:
    """Return where a bank's secret is stored."""
    return Place("bank_link", "sealed", derived_id(NIL, "bank link", bank))


def read_link(conn: psycopg.Connection[Any], new: NewLink) -> LinkFacts:
    """Read what is there of a link, as the operator."""
    row = conn.execute(_CHANGED, (new.bank,)).fetchone()
    wanted = [accounts.clearing(new.bank, currency) for currency in new.currencies]
    found = frozenset(id_ for (id_,) in conn.execute(_ACCOUNTS, (wanted,)))
    return LinkFacts(None if row is None else row[0], found)


def read_secret(conn: psycopg.Connection[Any], bank: int, sealing: Sealer) -> str | None:
    """Return the secret by which a bank's notice is known, if there is such a bank.

    Args:
        conn: In a transaction of the entrance, or as a worker.
        bank: The institution that it says it is.
        sealing: Opens the secret.
    """
    row = conn.execute(_SEALED, (bank,)).fetchone()
    return None if row is None else sealing.open(row[0], place_of(bank))


def link_bank(asking: Asking, house: House, facts: LinkFacts, new: NewLink, sealing: Sealer) -> Operation:
    """Let Karez instruct a bank, or change how; clearing accounts that are missing are opened.

    Args:
        asking: The operator's request.
        house: The payment house.
        facts: What is there already.
        new: The link as it is to be.
        sealing: Seals the secret.

    Rejections: ``bank_url_malformed``, ``bank_secret_too_short``, ``bank_currencies_wrong``,
        ``currency_not_open``; in the book ``row_exists`` or ``row_state_changed`` after a lost race.
    """
    _check(new)
    opened = tuple(
        house.account(accounts.clearing(new.bank, code), house.currency(code).money, AccountCode.CLEARING)
        for code in new.currencies
        if accounts.clearing(new.bank, code) not in facts.accounts
    )
    state = "open" if new.is_open else "paused"
    values: dict[str, Scalar] = {
        "base_url": new.base_url.rstrip("/"),
        "notify_url": new.notify_url,
        "sealed": f"\\x{sealing.seal(new.secret, place_of(new.bank)).hex()}",
        "currencies": f"{{{','.join(new.currencies)}}}",
        "state": state,
        "changed_ns": asking.now_ns,
    }
    key: dict[str, Scalar] = {"institution": new.bank}
    row: RowInsert | RowUpdate = RowInsert(table="bank_link", key=key, values=values)
    if facts.changed_ns is not None:
        expected: dict[str, Scalar] = {"changed_ns": facts.changed_ns}
        row = RowUpdate(table="bank_link", key=key, expected=expected, changes=values)
    reply = LinkReceipt(bank=new.bank, base_url=new.base_url, currencies=new.currencies, state=state)
    return asking.operation("bank.link", reply, accounts=opened, rows=(row,))


def _check(new: NewLink) -> None:
    for url in filter(None, (new.base_url, new.notify_url)):
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise Rejected(
                "bank_url_malformed",
                f"{url[:80]!r} is no address of a bank; write it like https://bank.example/karez.",
            )
    if len(new.secret) < SECRET_LENGTH_MIN:
        raise Rejected(
            "bank_secret_too_short",
            f"The secret has {len(new.secret)} characters and needs {SECRET_LENGTH_MIN}; agree on a longer one.",
        )
    if not new.currencies or len(set(new.currencies)) != len(new.currencies):
        raise Rejected(
            "bank_currencies_wrong", "Name at least one currency of the bank, and each of them once."
        )
