"""Reads SWIFT MT940 statements in the forms in which banks export them, and nothing beyond what is needed.

    :20:STMT1                             the message
    :25:12345678                          the account
    :28C:44/1                             number of the statement
    :60F:C260301CNY1000,00                opening balance
    :61:2603020302D50,00NTRFPO-17//B881   value day, booking day, out, amount, type, reference, bank's reference
    :86:?20EREF+PO-17?31DE89...?32Shop A  what is written to it; subfields or plain text
    :62F:C260302CNY950,00                 closing balance

A line that begins with no tag continues the field before it. Several statements may follow each other.

Source: SWIFT Standards MT, category 9; subfields of field 86: Deutsche Kreditwirtschaft, DFÜ-Abkommen, annex 3.
"""

import itertools
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date

from karez.services.payments.bankfiles.places import check_bytes, malformed, shown
from karez.services.payments.bankfiles.statements import Balance, BankEntry, BankStatement, Direction
from karez.services.payments.bankfiles.values import make_day, read_amount, real_references

_TAG = re.compile(r":(\d{2}[A-Z]?):", re.ASCII)
_ENTRY = re.compile(
    r"(?P<value>\d{6})(?P<booking>\d{4})?(?P<mark>R?[CD])[A-Z]?(?P<amount>\d[\d,]*)[A-Z][A-Z0-9]{3}"
    r"(?P<reference>[^\n]*?)(?://(?P<bank>[^\n]*))?(?:\n(?P<more>.*))?",
    re.ASCII | re.DOTALL,
)
_BALANCE = re.compile(r"(?P<mark>[CD])(?P<day>\d{6})(?P<currency>[A-Z]{3})(?P<amount>\d[\d,]*)", re.ASCII)
_MARKS = {"C": Direction.CREDIT, "RD": Direction.CREDIT, "D": Direction.DEBIT, "RC": Direction.DEBIT}
_SUBFIELD = re.compile(r"\?(\d{2})", re.ASCII)
_MARKED_REFERENCE = re.compile(r"(?:EREF|KREF)\+(.*?)(?=[A-Z]{4}\+|$)|/EREF/([^/]*)")
_TEXT_SUBFIELDS = frozenset({*map(str, range(20, 30)), "60", "61", "62", "63"})
_NAME_SUBFIELDS = frozenset({"32", "33"})
_ACCOUNT_SUBFIELD = "31"


@dataclass(frozen=True, slots=True)
class _Field:
    """A field with its tag, such as ``61``, and the line where it begins."""

    tag: str
    text: str
    line: int

    @property
    def place(self) -> str:
        return f"line {self.line}, :{self.tag}:"


def read_mt940(data: bytes) -> tuple[BankStatement, ...]:
    """Read all statements of a file.

    Args:
        data: UTF-8, or Latin-1 where it is not.

    Rejections: ``bank_file_too_large``, ``bank_file_malformed`` with the line.
    """
    check_bytes(data)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    groups: list[list[_Field]] = []
    for each in _fields(text):
        if each.tag == "20":
            groups.append([])
        elif not groups:
            raise malformed(each.place, "the field stands before the beginning of a statement (:20:)")
        groups[-1].append(each)
    if not groups:
        raise malformed("line 1", "the file holds no statement (:20:)")
    return tuple(_statement(group) for group in groups)


def _fields(text: str) -> Iterator[_Field]:
    tag, lines, begin = "", [""], 0
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        match = _TAG.match(line)
        if match is not None or _is_frame(line):
            if tag:
                yield _Field(tag, "\n".join(lines).strip(), begin)
            tag, lines, begin = (match[1], [line[match.end() :]], number) if match else ("", [], number)
        elif tag:
            lines.append(line)
        elif line.strip():
            raise malformed(f"line {number}", f"{shown(line)} belongs to no field")
    if tag:
        yield _Field(tag, "\n".join(lines).strip(), begin)


def _is_frame(line: str) -> bool:
    """Tell whether a line belongs to the envelope in which SWIFT sends a message."""
    return line.startswith(("{", "-}")) or line.strip() == "-"


def _statement(fields: Sequence[_Field]) -> BankStatement:
    opening = _balance(_needed(fields, "opening balance", "60F", "60M"))
    closing = _balance(_needed(fields, "closing balance", "62F", "62M"))
    entries = []
    for each, following in itertools.pairwise([*fields, _Field("", "", 0)]):
        if each.tag == "61":
            told = following.text if following.tag == "86" else ""
            entries.append(_entry(each, told, opening.currency))
    return BankStatement(
        identification=fields[0].text,
        account=_needed(fields, "account", "25").text,
        entries=tuple(entries),
        until_day=closing.day,
        opening=opening,
        closing=closing,
    )


def _needed(fields: Sequence[_Field], what: str, *tags: str) -> _Field:
    found = next((each for each in fields if each.tag in tags and each.text), None)
    if found is None:
        raise malformed(fields[0].place, f"the statement that begins here has no {what} (:{tags[0]}:)")
    return found


def _balance(told: _Field) -> Balance:
    match = _BALANCE.fullmatch(told.text)
    if match is None:
        raise malformed(told.place, f"{shown(told.text)} is not a balance like C260301CNY1000,00")
    amount_minor = read_amount(match["amount"], match["currency"], told.place)
    sign = 1 if match["mark"] == "C" else -1
    return Balance(sign * amount_minor, match["currency"], _short_day(match["day"], told.place))


def _entry(told: _Field, information: str, currency: str) -> BankEntry:
    match = _ENTRY.fullmatch(told.text)
    if match is None:
        raise malformed(told.place, f"{shown(told.text)} is not an entry like 2603020302D50,00NTRFPO-17")
    value_day = _short_day(match["value"], told.place)
    subfields = _subfields(information)
    text = "".join(value for code, value in subfields if code in _TEXT_SUBFIELDS)
    marked = [first or second for first, second in _MARKED_REFERENCE.findall(text)]
    accounts = [value for code, value in subfields if code == _ACCOUNT_SUBFIELD]
    return BankEntry(
        booking_day=_booking_day(match["booking"], value_day, told.place),
        value_day=value_day,
        amount_minor=read_amount(match["amount"], currency, told.place),
        currency=currency,
        direction=_MARKS[match["mark"]],
        references=real_references([*marked, match["reference"]]),
        bank_reference=(match["bank"] or "").strip(),
        counterparty=accounts[0].strip() if accounts else "",
        counterparty_name="".join(value for code, value in subfields if code in _NAME_SUBFIELDS).strip(),
        text=text.strip() or (match["more"] or "").replace("\n", " ").strip(),
    )


def _subfields(information: str) -> list[tuple[str, str]]:
    """Split ``166?20EREF+A?32Shop`` into its parts; what has no subfields is text."""
    parts = _SUBFIELD.split(information.replace("\n", ""))
    if len(parts) == 1:
        return [("20", information.replace("\n", " "))]
    return list(zip(parts[1::2], parts[2::2], strict=True))


def _short_day(text: str, place: str) -> date:
    return make_day(2000 + int(text[:2]), int(text[2:4]), int(text[4:6]), text, place)


def _booking_day(text: str | None, value_day: date, place: str) -> date:
    """Return the day of a month and day without a year: the one nearest to the value day."""
    if text is None:
        return value_day
    days = []
    for year in (value_day.year - 1, value_day.year, value_day.year + 1):
        # 29 February is in one year of four.
        with suppress(ValueError):
            days.append(date(year, int(text[:2]), int(text[2:])))
    if not days:
        raise malformed(place, f"booking date {shown(text)} is not a day of the calendar")
    return min(days, key=lambda day: abs(day - value_day))
