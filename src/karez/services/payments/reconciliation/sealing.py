"""What is personal in a bank's entries: who the other side is and what was written, sealed for the database."""

from typing import NamedTuple
from uuid import UUID

import msgspec

from karez.core.sealing import Place, Sealer

SEALING_PURPOSE = "bank entry"


class Details(NamedTuple):
    """The personal part of an entry.

    Attributes:
        counterparty: The other side's account number.
        counterparty_name: The other side's name.
        text: What was written to it.
    """

    counterparty: str
    counterparty_name: str
    text: str


def sealer_for_entries(secret_key: bytes) -> Sealer:
    """Return what seals the personal parts of entries and movements."""
    return Sealer({1: secret_key}, SEALING_PURPOSE)


def seal_details(sealer: Sealer, entry: UUID, details: Details) -> str:
    """Return an entry's personal part as the column holds it."""
    return _column(sealer.seal(_encode(details).decode(), _details_of(entry)))


def open_details(sealer: Sealer, entry: UUID, sealed: bytes) -> Details:
    """Return an entry's personal part."""
    return _decode(sealer.open(sealed, _details_of(entry)))


def seal_counterparty(sealer: Sealer, movement: UUID, counterparty: str) -> str | None:
    """Return a movement's other side as the column holds it."""
    if not counterparty:
        return None
    return _column(sealer.seal(counterparty, _counterparty_of(movement)))


def open_counterparty(sealer: Sealer, movement: UUID, sealed: bytes | None) -> str:
    """Return a movement's other side."""
    return "" if sealed is None else sealer.open(sealed, _counterparty_of(movement))


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Details).decode


def _details_of(entry: UUID) -> Place:
    return Place("bank_entry", "details", entry)


def _counterparty_of(movement: UUID) -> Place:
    return Place("bank_movement", "counterparty", movement)


def _column(sealed: bytes) -> str:
    return "\\x" + sealed.hex()
