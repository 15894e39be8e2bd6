"""The payment house: the institution that owns all payment accounts, and the currencies that it is open for.

A currency is opened once, by the operator, in two operations: first its units (money, and the control units in which
limits and refundable amounts are counted), then the house's own accounts in them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
import psycopg

from karez.core.money import currency_exponent
from karez.core.outcomes import Rejected
from karez.ledger.model import AccountFlags, NewAccount, Transfer
from karez.ledger.operations import Operation, RowInsert
from karez.parties import institutions
from karez.services.asking import Asking
from karez.services.payments import accounts
from karez.services.payments.accounts import AccountCode, TransferCode

CODE = "payments"
"""Code of the institution."""

DEBITS_LIMITED = int(AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS)

_CONTROL_UNITS = ("LIMIT", "REFUNDABLE")
_FIRST_UNIT = 1_000_000
_UNITS_A_CURRENCY = 8

_READ = "SELECT code, number, exponent FROM unit"
_NUMBER = "SELECT number FROM institution WHERE code = %s"


@dataclass(frozen=True, slots=True)
class Currency:
    """A currency that the house is open for.

    Attributes:
        code: ISO 4217 letters.
        exponent: Decimal digits of one whole unit.
        money: Number of its unit.
        limit: Number of the unit in which limits are counted.
        refundable: Number of the unit in which refundable amounts are counted.
    """

    code: str
    exponent: int
    money: int
    limit: int
    refundable: int


@dataclass(frozen=True, slots=True)
class House:
    """The payment house.

    Attributes:
        institution: Its number.
        currencies: By ISO 4217 letters.
    """

    institution: int
    currencies: Mapping[str, Currency]

    def currency(self, code: str) -> Currency:
        """Return a currency.

        Rejections: ``currency_not_open``.
        """
        found = self.currencies.get(code)
        if found is None:
            raise Rejected(
                "currency_not_open",
                f"Payments are not open for {code[:3]!r}; choose from {', '.join(sorted(self.currencies))}, or ask "
                "the operator to open it.",
            )
        return found

    def account(
        self, id_: UUID, unit: int, code: AccountCode, *, flags: int = 0, party: UUID | None = None
    ) -> NewAccount:
        """Return an account of the house that is to be opened."""
        return NewAccount(
            id=id_, ledger=unit, code=code, institution=self.institution, flags=flags, party=party
        )


def money_moves(
    id_: UUID,
    debit: UUID,
    credit: UUID,
    amount_minor: int,
    unit: int,
    code: TransferCode,
    *,
    flags: int = 0,
    timeout_s: int = 0,
) -> Transfer:
    """Return a transfer between two accounts.

    Args:
        id_: Its id.
        debit: Whose balance falls, if it is one that Karez owes.
        credit: Whose balance rises.
        amount_minor: How much.
        unit: Number of the unit.
        code: Why.
        flags: ``TransferFlags``.
        timeout_s: After which a pending transfer is void by itself.
    """
    return Transfer(
        id=id_,
        debit_account_id=debit,
        credit_account_id=credit,
        amount=amount_minor,
        ledger=unit,
        code=code,
        flags=flags,
        timeout_s=timeout_s,
    )


def ensure_house(conn: psycopg.Connection[Any], now_ns: int) -> int:
    """Return the number of the payment house, registered if this is the first use of the database.

    Args:
        conn: In a transaction of the operator.
        now_ns: The present moment.
    """
    found = institutions.find(conn, CODE)
    return (found or institutions.register(conn, CODE, "Payment house", "other", now_ns)).number


def read_house(conn: psycopg.Connection[Any]) -> House:
    """Read the house with its currencies, as any kind of caller; without it, a house that is open for none."""
    row = conn.execute(_NUMBER, (CODE,)).fetchone()
    if row is None:
        return House(0, {})
    units = {code: (number, exponent) for code, number, exponent in conn.execute(_READ)}
    currencies = {
        code: Currency(code, exponent, number, *(units[f"{control}:{code}"][0] for control in _CONTROL_UNITS))
        for code, (number, exponent) in units.items()
        if all(f"{control}:{code}" in units for control in _CONTROL_UNITS)
    }
    return House(row[0], currencies)


class OpenedCurrency(msgspec.Struct, frozen=True, kw_only=True):
    """A currency that payments are open for."""

    currency: str
    exponent: int


def units_of(asking: Asking, code: str, money: int | None) -> Operation:
    """Make the units of a currency.

    Args:
        asking: The operator's request.
        code: ISO 4217 letters.
        money: Number of the currency's unit if it exists already.

    Rejections: ``currency_unknown``.
    """
    exponent = currency_exponent(code)
    # Letters as a number in base 26: every currency has room for its units, whichever was opened first.
    place = sum((ord(letter) - ord("A")) * 26**power for power, letter in enumerate(reversed(code)))
    first = _FIRST_UNIT + place * _UNITS_A_CURRENCY
    names = [] if money is not None else [(first, code, "Money")]
    names += [(first + 1 + n, f"{unit}:{code}", unit.lower()) for n, unit in enumerate(_CONTROL_UNITS)]
    rows = tuple(
        RowInsert(
            table="unit",
            key={"number": number},
            values={
                "code": name,
                "exponent": exponent,
                "description": description,
                "created_ns": asking.now_ns,
            },
        )
        for number, name, description in names
    )
    return asking.operation(
        "payments.make_units", OpenedCurrency(currency=code, exponent=exponent), rows=rows
    )


def accounts_of(asking: Asking, house: House, code: str) -> Operation:
    """Open the house's own accounts in a currency.

    Rejections: ``currency_not_open``.
    """
    currency = house.currency(code)
    opened = (
        house.account(accounts.escrow(code), currency.money, AccountCode.ESCROW, flags=DEBITS_LIMITED),
        house.account(accounts.fees(code), currency.money, AccountCode.FEES),
        house.account(accounts.suspense(code), currency.money, AccountCode.SUSPENSE),
        house.account(accounts.limit_pool(code), currency.limit, AccountCode.LIMIT_POOL),
        house.account(accounts.refundable_pool(code), currency.refundable, AccountCode.REFUNDABLE_POOL),
    )
    reply = OpenedCurrency(currency=code, exponent=currency.exponent)
    return asking.operation("payments.open_currency", reply, accounts=opened)
