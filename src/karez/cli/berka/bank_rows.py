"""One line of the bank's file as a value."""

import csv
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache

from karez.cli.berka.words import Counterpart, Words
from karez.core.money import parse_amount
from karez.core.outcomes import Rejected

COLUMNS = (
    "trans_id",
    "account_id",
    "date",
    "type",
    "operation",
    "amount",
    "balance",
    "k_symbol",
    "bank",
    "account",
)

_EXPONENT_CZK = 2
_NUMBER_LENGTH_MAX = 18
_DAY_LENGTH = 6


@dataclass(frozen=True, slots=True)
class BankRow:
    """One transaction of one account.

    Attributes:
        transaction: The bank's number of it.
        account: The bank's number of the account.
        day: When it was booked.
        change_minor: What it does to the balance.
        balance_minor: The balance afterwards, as the bank published it.
        counterpart: The other side.
        line: Where it stands in its file.
    """

    transaction: int
    account: int
    day: date
    change_minor: int
    balance_minor: int
    counterpart: Counterpart
    line: int


class BrokenFields(Exception):
    """The text does not divide into the columns."""


def split_fields(text: str) -> list[str]:
    """Divide a line at its semicolons, quotes removed; raises ``BrokenFields`` if the columns are not all there."""
    try:
        fields = next(csv.reader([text], delimiter=";", strict=True), [])
    except csv.Error as error:
        raise BrokenFields(str(error)) from error
    if len(fields) != len(COLUMNS):
        raise BrokenFields(f"{len(fields)} columns instead of {len(COLUMNS)}")
    return fields


def read_row(fields: list[str], words: Words, line: int) -> BankRow:
    """Understand one line.

    Args:
        fields: In the order of ``COLUMNS``.
        words: The vocabulary of the file.
        line: Where the line stands.

    Rejections: ``bank_row_malformed`` or those of ``parse_amount``; the sentence says which column.
    """
    transaction, account, day, direction, operation, amount, balance, symbol = fields[:8]
    if direction not in words.directions:
        raise _malformed("type", direction)
    amount_minor = parse_amount(amount, _EXPONENT_CZK)
    if amount_minor < 0:
        raise _malformed("amount", amount)
    return BankRow(
        transaction=_number("trans_id", transaction),
        account=_number("account_id", account),
        day=_day(day),
        change_minor=words.directions[direction] * amount_minor,
        balance_minor=parse_amount(balance, _EXPONENT_CZK),
        counterpart=_counterpart(operation, symbol.strip(), words),
        line=line,
    )


def _counterpart(operation: str, symbol: str, words: Words) -> Counterpart:
    if symbol in words.symbols:
        return words.symbols[symbol]
    if symbol not in words.plain_symbols:
        raise _malformed("k_symbol", symbol)
    if operation not in words.operations:
        raise _malformed("operation", operation)
    return words.operations[operation]


def _number(column: str, text: str) -> int:
    if len(text) <= _NUMBER_LENGTH_MAX and text.isascii() and text.isdigit() and int(text) > 0:
        return int(text)
    raise _malformed(column, text)


@lru_cache(maxsize=4_096)
def _day(text: str) -> date:
    """The two digits of the year are all of the 20th century."""
    if len(text) == _DAY_LENGTH and text.isascii() and text.isdigit():
        with suppress(ValueError):
            return datetime.strptime("19" + text, "%Y%m%d").date()
    raise _malformed("date", text)


def _malformed(column: str, text: str) -> Rejected:
    return Rejected("bank_row_malformed", f"the column {column} cannot be {text[:40]!r}; correct the file")
