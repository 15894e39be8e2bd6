"""Statements and payouts with everything filled in that a test does not care about."""

from datetime import date
from typing import Any

from hypothesis import strategies as st

from karez.services.payments.bankfiles.payouts import BankAccount, Payout, PayoutBatch
from karez.services.payments.bankfiles.statements import Balance, BankEntry, BankStatement, Direction

DAY = date(2026, 3, 2)
NOW_NS = 1_772_409_600_000_000_000
IBAN = "DE89370400440532013000"

PRINTABLE = st.characters(
    categories=["Ll", "Lu", "Lo", "Nd", "Sc", "Sm", "So"],
    include_characters=" -/.,&<>'\"",
    max_codepoint=0x1FFFF,
)


def texts(length_max: int) -> st.SearchStrategy[str]:
    """Texts that a field of a bank file can hold."""
    return st.text(PRINTABLE, min_size=1, max_size=length_max).filter(lambda text: text.strip() == text)


def payout(**fields: Any) -> Payout:
    """A payout of 12.30 CNY to a shop."""
    given: dict[str, Any] = {
        "end_to_end_id": "PO-1",
        "creditor": BankAccount(name="Shop", account=IBAN, bank="DEUTDEFF"),
        "amount_minor": 1230,
        "currency": "CNY",
    }
    return Payout(**given | fields)


def batch(*payouts: Payout, **fields: Any) -> PayoutBatch:
    """A batch that Karez pays today."""
    given: dict[str, Any] = {
        "reference": "BATCH-1",
        "created_ns": NOW_NS,
        "day": DAY,
        "initiator": "Karez",
        "debtor": BankAccount(name="Karez", account="6222021001112223334"),
        "payouts": payouts,
    }
    return PayoutBatch(**given | fields)


def entry(**fields: Any) -> BankEntry:
    """10.00 CNY that came in today."""
    given: dict[str, Any] = {
        "booking_day": DAY,
        "value_day": DAY,
        "amount_minor": 1000,
        "currency": "CNY",
        "direction": Direction.CREDIT,
    }
    return BankEntry(**given | fields)


def statement(
    *entries: BankEntry, opening_minor: int = 0, currency: str = "CNY", **fields: Any
) -> BankStatement:
    """Today's statement of an account."""
    closing_minor = opening_minor + sum(each.signed_minor for each in entries if each.booked)
    given: dict[str, Any] = {
        "identification": "STMT-1",
        "account": "12345678",
        "entries": entries,
        "until_day": DAY,
        "opening": Balance(opening_minor, currency, DAY),
        "closing": Balance(closing_minor, currency, DAY),
    }
    return BankStatement(**given | fields)
