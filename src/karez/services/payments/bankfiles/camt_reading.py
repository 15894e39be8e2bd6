"""Reads what banks say about accounts: ISO 20022 ``camt.052``, ``camt.053`` and ``camt.054``, versions 02 to 12.

The versions name the same things a little differently (``Sts`` holds a code or a ``Cd`` with it, a party's name lies
one level deeper from version 08 on), so one reader looks in both places. Elements that it does not need may be there
or not; one that it needs and that is missing or wrong is refused with its entry and line.

Source: ISO 20022 Message Definition Reports, Bank-to-Customer Cash Management.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from karez.core.outcomes import Rejected
from karez.services.payments.bankfiles.message_names import message_name
from karez.services.payments.bankfiles.places import malformed, shown
from karez.services.payments.bankfiles.statements import Balance, BankEntry, BankStatement, Direction
from karez.services.payments.bankfiles.values import read_amount, read_day, real_references
from karez.services.payments.bankfiles.xml_reading import Element, namespace_of, place_of, read_elements

_CONTAINERS = {"camt.052": "Rpt", "camt.053": "Stmt", "camt.054": "Ntfctn"}
_VERSIONS = range(2, 13)
_ENTRY, _DETAILS, _BALANCE, _AMOUNT = "Ntry", "NtryDtls", "Bal", "Amt"
_DIRECTIONS = {"CRDT": Direction.CREDIT, "DBIT": Direction.DEBIT}
_OPENING_CODES = ("OPBD", "PRCD")
_CLOSING_CODES = ("CLBD",)
_REFERENCE_PATHS = (
    "Refs/EndToEndId",
    "Refs/InstrId",
    "Refs/PmtInfId",
    "Refs/MsgId",
    "RmtInf/Strd/CdtrRefInf/Ref",
)
_BATCH_PATHS = ("PmtInfId", "MsgId")

_Texts = Mapping[str, list[str]]
"""What is written in the leaves of an element, by their paths in it."""


def read_camt(data: bytes) -> tuple[BankStatement, ...]:
    """Read all statements, reports or notifications of a message.

    Args:
        data: The file.

    Rejections: ``bank_file_too_large``, ``bank_file_malformed`` with the entry and line, ``bank_message_unknown``.
    """
    statements: list[BankStatement] = []
    entries: list[BankEntry] = []
    reading = None
    for element in read_elements(data, _ENTRY, *_CONTAINERS.values(), "Document"):
        reading = reading or _reading_of(element.getroottree().getroot())
        if reading.is_entry(element):
            entries.append(reading.entry(element, len(entries) + 1))
            element.clear()
        elif reading.is_container(element):
            statements.append(reading.statement(element, tuple(entries)))
            element.clear()
            entries = []
    if not statements:
        raise malformed("the file", "it holds no statement, report or notification of an account")
    return tuple(statements)


def _reading_of(root: Element) -> "_Reading":
    name = message_name(root)
    kind, version = name[:8], int(name[-2:])
    if kind not in _CONTAINERS or version not in _VERSIONS:
        raise Rejected(
            "bank_message_unknown",
            f"The file is a {name}; account statements are read from camt.052, camt.053 and camt.054, versions 02 to "
            "12.",
        )
    return _Reading(namespace_of(root), _CONTAINERS[kind])


@dataclass(frozen=True, slots=True)
class _Reading:
    """Finds things in the elements of one message.

    Attributes:
        namespace: Of the message.
        container: Name of the element that holds the entries of an account.
    """

    namespace: str
    container: str

    def is_container(self, element: Element) -> bool:
        return bool(element.tag == self._tag(self.container))

    def is_entry(self, element: Element) -> bool:
        parent = element.getparent()
        return element.tag == self._tag(_ENTRY) and parent is not None and self.is_container(parent)

    def statement(self, element: Element, entries: tuple[BankEntry, ...]) -> BankStatement:
        place = place_of(element)
        balances = [self._balance(each) for each in element.iterchildren(self._tag(_BALANCE))]
        opening = next((told for code in _OPENING_CODES for kind, told in balances if kind == code), None)
        closing = next((told for code in _CLOSING_CODES for kind, told in balances if kind == code), None)
        texts = self._texts(element, without=(_ENTRY, _BALANCE))
        account = _first(texts, "Acct/Id/IBAN", "Acct/Id/Othr/Id")
        if not account:
            raise malformed(place, "the account has no number (Acct/Id)")
        until_day = None
        if self.container == "Stmt":
            until_day = max((entry.booking_day for entry in entries if entry.booked), default=None)
            period_end = _first(texts, "FrToDt/ToDtTm", "FrToDt/ToDt")
            if closing is not None:
                until_day = closing.day
            elif period_end:
                until_day = read_day(period_end[:10], place)
        return BankStatement(
            identification=_first(texts, "Id"),
            account=account,
            entries=entries,
            until_day=until_day,
            opening=opening,
            closing=closing,
        )

    def entry(self, element: Element, number: int) -> BankEntry:
        place = place_of(element, f"entry {number}")
        amount_minor, currency = self._amount(element, place)
        texts = self._texts(element, without=(_DETAILS,))
        direction = _direction(texts, place)
        booked, valued = _day(texts, "BookgDt", place), _day(texts, "ValDt", place)
        day = booked or valued
        if day is None:
            raise malformed(place, "the entry has neither a booking nor a value date (BookgDt, ValDt)")
        batches = self._details(element, "Btch")
        transactions = self._details(element, "TxDtls")
        account, name = _counterparty(transactions, direction)
        return BankEntry(
            booking_day=booked or day,
            value_day=valued or day,
            amount_minor=amount_minor,
            currency=currency,
            direction=direction,
            references=real_references([*_all(batches, _BATCH_PATHS), *_all(transactions, _REFERENCE_PATHS)]),
            bank_reference=_first(texts, "AcctSvcrRef"),
            counterparty=account,
            counterparty_name=name,
            text=_remittance(texts, transactions),
            booked=_is_booked(texts, place),
        )

    def _balance(self, element: Element) -> tuple[str, Balance]:
        place = place_of(element, "balance")
        amount_minor, currency = self._amount(element, place)
        texts = self._texts(element)
        day = _day(texts, "Dt", place)
        if day is None:
            raise malformed(place, "the balance has no date (Dt)")
        sign = 1 if _direction(texts, place) is Direction.CREDIT else -1
        return _first(texts, "Tp/CdOrPrtry/Cd"), Balance(sign * amount_minor, currency, day)

    def _amount(self, element: Element, place: str) -> tuple[int, str]:
        amount = element.find(self._tag(_AMOUNT))
        if amount is None:
            raise malformed(place, "the amount (Amt) is missing")
        currency = amount.get("Ccy") or ""
        return read_amount(amount.text or "", currency, place), currency

    def _details(self, element: Element, name: str) -> list[_Texts]:
        return [
            self._texts(each)
            for details in element.iterchildren(self._tag(_DETAILS))
            for each in details.iterchildren(self._tag(name))
        ]

    def _texts(self, element: Element, without: tuple[str, ...] = ()) -> _Texts:
        texts: dict[str, list[str]] = {}
        start = self._tag("")
        skipped = frozenset(map(self._tag, without))
        for child in element:
            if child.tag not in skipped:
                _collect(child, start, "", texts)
        return texts

    def _tag(self, name: str) -> str:
        return f"{{{self.namespace}}}{name}"


def _collect(element: Element, start: str, path: str, texts: dict[str, list[str]]) -> None:
    """Put what the leaves of an element say under their paths; foreign elements say nothing."""
    tag: str = element.tag
    if not tag.startswith(start):
        return
    path += tag[len(start) :]
    if len(element) == 0:
        texts.setdefault(path, []).append((element.text or "").strip())
        return
    path += "/"
    for child in element:
        _collect(child, start, path, texts)


def _first(texts: _Texts, *paths: str) -> str:
    return next((text for path in paths for text in texts.get(path, ()) if text), "")


def _all(parts: Iterable[_Texts], paths: Iterable[str]) -> list[str]:
    return [text for part in parts for path in paths for text in part.get(path, ())]


def _direction(texts: _Texts, place: str) -> Direction:
    told = _first(texts, "CdtDbtInd")
    if told not in _DIRECTIONS:
        raise malformed(place, f"CdtDbtInd is {shown(told)} and not CRDT or DBIT")
    return _DIRECTIONS[told]


def _day(texts: _Texts, name: str, place: str) -> date | None:
    told = _first(texts, f"{name}/Dt", f"{name}/DtTm")
    # A day may carry a time zone, which does not change what day the bank calls it.
    return read_day(told[:10], f"{place}, {name}") if told else None


def _is_booked(texts: _Texts, place: str) -> bool:
    told = _first(texts, "Sts/Cd", "Sts", "Sts/Prtry")
    if not told:
        raise malformed(place, "the status (Sts) is missing")
    return told == "BOOK"


def _counterparty(transactions: list[_Texts], direction: Direction) -> tuple[str, str]:
    role = "RltdPties/Dbtr" if direction is Direction.CREDIT else "RltdPties/Cdtr"
    accounts = {_first(each, f"{role}Acct/Id/IBAN", f"{role}Acct/Id/Othr/Id") for each in transactions}
    names = {_first(each, f"{role}/Pty/Nm", f"{role}/Nm") for each in transactions}
    return (accounts.pop() if len(accounts) == 1 else "", names.pop() if len(names) == 1 else "")


def _remittance(texts: _Texts, transactions: list[_Texts]) -> str:
    written = _all(transactions, ("RmtInf/Ustrd",))
    return " ".join(dict.fromkeys(written)) or _first(texts, "AddtlNtryInf")
