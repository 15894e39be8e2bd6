"""Reads account entries from a table in a text file, as most banks export them.

The first line names the columns; comma, semicolon or tab separates them. In any order:

=================== ========= ==========================================================================
column              needed    what it holds
=================== ========= ==========================================================================
account             yes       number of the account; a file may hold several
booking_date        yes       such as ``2026-03-01``
amount              yes       such as ``-1234.50``: with a point or a comma before the decimals and nothing
                              between thousands; below zero goes out
currency            yes       ISO 4217 letters
value_date          no        such as ``2026-03-01``; the booking date if it is empty
reference           no        what the parties called the payment
batch_reference     no        what we called the batch
bank_reference      no        what the bank calls the entry
counterparty        no        the other side's account number
counterparty_name   no        the other side's name
text                no        what was written to it
=================== ========= ==========================================================================
"""

import csv
from collections.abc import Iterator, Mapping
from datetime import date
from io import StringIO

from karez.services.payments.bankfiles.places import check_bytes, line_of, malformed, shown
from karez.services.payments.bankfiles.statements import BankEntry, BankStatement, Direction
from karez.services.payments.bankfiles.values import read_amount, read_day, real_references

NEEDED_COLUMNS = ("account", "booking_date", "amount", "currency")
COLUMNS = (
    *NEEDED_COLUMNS,
    "value_date",
    "reference",
    "batch_reference",
    "bank_reference",
    "counterparty",
    "counterparty_name",
    "text",
)

_SEPARATORS = ("\t", ";", ",")


def read_csv(data: bytes) -> tuple[BankStatement, ...]:
    """Read a table of entries; one statement for each account, in the order of their first entries.

    Args:
        data: UTF-8.

    Rejections: ``bank_file_too_large``, ``bank_file_malformed`` with the line.
    """
    check_bytes(data)
    entries: dict[str, list[BankEntry]] = {}
    for line, row in _rows(_text(data)):
        account = row["account"]
        if not account:
            raise malformed(f"line {line}", "the account is empty")
        entries.setdefault(account, []).append(_entry(row, f"line {line}"))
    if not entries:
        raise malformed("line 2", "the file holds no entries")
    return tuple(
        BankStatement(identification="", account=account, entries=tuple(booked), until_day=_last_day(booked))
        for account, booked in entries.items()
    )


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise malformed(line_of(data, error.start), "the file is not UTF-8 text") from None


def _rows(text: str) -> Iterator[tuple[int, Mapping[str, str]]]:
    header = text.partition("\n")[0]
    separator = next((sign for sign in _SEPARATORS if sign in header), ",")
    reader = csv.reader(StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        columns = [name.strip().lower() for name in next(reader, [])]
        _check_columns(columns)
        for row in reader:
            if not row:
                continue
            if len(row) != len(columns):
                raise malformed(
                    f"line {reader.line_num}", f"there are {len(row)} fields and {len(columns)} columns"
                )
            yield (
                reader.line_num,
                dict.fromkeys(COLUMNS, "") | dict(zip(columns, map(str.strip, row), strict=True)),
            )
    except csv.Error as error:
        raise malformed(f"line {reader.line_num}", f"this is not a row of a table ({error})") from None


def _check_columns(columns: list[str]) -> None:
    for name in NEEDED_COLUMNS:
        if name not in columns:
            raise malformed("line 1", f"the column {name!r} is missing")
    for name in columns:
        if name not in COLUMNS:
            raise malformed("line 1", f"the column {shown(name)} is not one of {', '.join(COLUMNS)}")
        if columns.count(name) > 1:
            raise malformed("line 1", f"the column {name!r} is there twice")


def _entry(row: Mapping[str, str], place: str) -> BankEntry:
    amount, currency = row["amount"], row["currency"]
    is_debit = amount.startswith("-")
    booking_day = read_day(row["booking_date"], f"{place}, booking_date")
    return BankEntry(
        booking_day=booking_day,
        value_day=read_day(row["value_date"], f"{place}, value_date") if row["value_date"] else booking_day,
        amount_minor=read_amount(amount.removeprefix("-").removeprefix("+"), currency, place, amount),
        currency=currency,
        direction=Direction.DEBIT if is_debit else Direction.CREDIT,
        references=real_references([row["reference"], row["batch_reference"]]),
        bank_reference=row["bank_reference"],
        counterparty=row["counterparty"],
        counterparty_name=row["counterparty_name"],
        text=row["text"],
    )


def _last_day(entries: list[BankEntry]) -> date:
    return max(entry.booking_day for entry in entries)
