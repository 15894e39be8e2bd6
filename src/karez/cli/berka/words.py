"""The words of both forms of the data: which way the money goes, and between whom."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum


class Counterpart(IntEnum):
    """The bank's own accounts, on the other side of every customer's transaction."""

    CASH = 1
    CARDS = 2
    OTHER_BANKS = 3
    INTEREST = 4
    PENALTY_INTEREST = 5
    FEES = 6
    ROUNDING = 7


@dataclass(frozen=True, slots=True)
class Words:
    """The vocabulary of one form of the data.

    Attributes:
        bank: Short name of the bank under which the rows of this form are kept.
        directions: From the column ``type``: 1 for what the account receives, -1 for what it pays.
        operations: From the column ``operation``.
        symbols: From the column ``k_symbol``, where it says more than the operation.
        plain_symbols: The other values of that column.
    """

    bank: str
    directions: Mapping[str, int]
    operations: Mapping[str, Counterpart]
    symbols: Mapping[str, Counterpart]
    plain_symbols: frozenset[str]


CZECH = Words(
    bank="berka-original",
    directions={"PRIJEM": 1, "VYDAJ": -1, "VYBER": -1},
    operations={
        "VKLAD": Counterpart.CASH,
        "VYBER": Counterpart.CASH,
        "VYBER KARTOU": Counterpart.CARDS,
        "PREVOD Z UCTU": Counterpart.OTHER_BANKS,
        "PREVOD NA UCET": Counterpart.OTHER_BANKS,
    },
    symbols={
        "UROK": Counterpart.INTEREST,
        "SANKC. UROK": Counterpart.PENALTY_INTEREST,
        "SLUZBY": Counterpart.FEES,
    },
    plain_symbols=frozenset({"", "SIPO", "DUCHOD", "UVER", "POJISTNE"}),
)

ENGLISH = Words(
    bank="berka-translated",
    directions={"credit": 1, "withdrawal": -1, "withdrawal in cash": -1},
    operations={
        "credit in cash": Counterpart.CASH,
        "withdrawal in cash": Counterpart.CASH,
        "credit card withdrawal": Counterpart.CARDS,
        "collection from another bank": Counterpart.OTHER_BANKS,
        "remittance to another bank": Counterpart.OTHER_BANKS,
    },
    symbols={
        "interest credited": Counterpart.INTEREST,
        "sanction interest if negative balance": Counterpart.PENALTY_INTEREST,
        "payment for statement": Counterpart.FEES,
    },
    plain_symbols=frozenset({"", "household", "old-age pension", "loan payment", "insurrance payment"}),
)


def words_of(direction: str) -> Words | None:
    """Return the vocabulary to which a value of the column ``type`` belongs."""
    return next((words for words in (CZECH, ENGLISH) if direction in words.directions), None)
