"""The day's movements of Karez's own account: as camt.053, and as a table that a spreadsheet opens."""

import csv
from datetime import date, datetime, time, timedelta
from io import StringIO
from zoneinfo import ZoneInfo

from karez.core.clock import to_datetime
from karez.services.payments.bankfiles.csv_reading import COLUMNS
from karez.services.payments.bankfiles.statements import Balance, BankEntry, BankStatement, Direction
from karez.services.payments.bankfiles.values import decimal_amount
from karez.simulators.bank.store import BankStore, Movement, karez_account

ZONE = ZoneInfo("Asia/Shanghai")
"""Where the bank's days begin."""

_SECOND_NS = 1_000_000_000


def day_statement(store: BankStore, day: date, currency: str) -> BankStatement:
    """Return the statement of Karez's account for a day; each entry bears the instruction's 32 digits."""
    account = karez_account(currency)
    from_ns, until_ns = _midnight_ns(day), _midnight_ns(day + timedelta(days=1))
    opening_minor = store.balance_before(account, from_ns)
    entries = tuple(_entry(store, movement) for movement in store.movements(account, from_ns, until_ns))
    closing_minor = opening_minor + sum(entry.signed_minor for entry in entries)
    return BankStatement(
        identification=f"{account}-{day:%Y%m%d}",
        account=account,
        entries=entries,
        until_day=day,
        opening=Balance(opening_minor, currency, day),
        closing=Balance(closing_minor, currency, day),
    )


def as_table(statement: BankStatement) -> bytes:
    """Return a statement as comma-separated values, with the columns that ``bankfiles`` reads."""
    text = StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="")
    writer.writeheader()
    for entry in statement.entries:
        (reference,) = entry.references
        writer.writerow(
            {
                "account": statement.account,
                "booking_date": entry.booking_day,
                "value_date": entry.value_day,
                "amount": decimal_amount(entry.signed_minor, entry.currency),
                "currency": entry.currency,
                "reference": reference,
                "bank_reference": entry.bank_reference,
                "counterparty": entry.counterparty,
                "counterparty_name": entry.counterparty_name,
                "text": entry.text,
            }
        )
    return text.getvalue().encode()


def _entry(store: BankStore, movement: Movement) -> BankEntry:
    day = to_datetime(movement.at_ns).astimezone(ZONE).date()
    other = store.account(movement.counterparty)
    return BankEntry(
        booking_day=day,
        value_day=day,
        amount_minor=abs(movement.amount_minor),
        currency=movement.currency,
        direction=Direction.CREDIT if movement.amount_minor > 0 else Direction.DEBIT,
        references=(movement.instruction.hex,),
        bank_reference=f"B{movement.number}",
        counterparty=movement.counterparty,
        counterparty_name="" if other is None else other.holder,
        text=movement.text,
    )


def _midnight_ns(day: date) -> int:
    return int(datetime.combine(day, time(), ZONE).timestamp()) * _SECOND_NS
