"""What the bank's accounts and transactions are called in the book: ids that are the same on every run."""

import hashlib
from datetime import UTC, date, datetime
from functools import lru_cache
from uuid import UUID

from karez.cli.berka.bank_rows import BankRow
from karez.cli.berka.postings import Posting
from karez.cli.berka.words import Counterpart
from karez.ledger.model import NewAccount, Transfer

CUSTOMER_CODE = 1
ROUNDING_CODE = int(Counterpart.ROUNDING)

_COUNTERPART_CODE_BASE = 100
_FIRST_DAY = date(1993, 1, 1)
_VERSION_7 = 0x7 << 76
_VARIANT = 0x2 << 62


@lru_cache(maxsize=8_192)
def customer_account_id(bank: str, account: int) -> UUID:
    """Return the id of a customer's account."""
    return _id(_FIRST_DAY, bank, "account", account)


@lru_cache(maxsize=64)
def counterpart_account_id(bank: str, counterpart: Counterpart) -> UUID:
    """Return the id of one of the bank's own accounts."""
    return _id(_FIRST_DAY, bank, "counterpart", int(counterpart))


def opening_id(account: UUID) -> UUID:
    """Return the id of the operation that opens an account."""
    return _id(_FIRST_DAY, "opening", str(account), 0)


def customer_account(bank: str, account: int, ledger: int, institution: int) -> NewAccount:
    """Return a customer's account; the bank's number of it is its user data."""
    return NewAccount(
        id=customer_account_id(bank, account),
        ledger=ledger,
        code=CUSTOMER_CODE,
        institution=institution,
        user_data=account,
    )


def counterpart_account(bank: str, counterpart: Counterpart, ledger: int, institution: int) -> NewAccount:
    """Return one of the bank's own accounts."""
    return NewAccount(
        id=counterpart_account_id(bank, counterpart),
        ledger=ledger,
        code=_COUNTERPART_CODE_BASE + counterpart,
        institution=institution,
    )


def transfers_of(bank: str, posting: Posting, ledger: int) -> list[Transfer]:
    """Return one transfer for the row, and one for its rounding if there is any.

    The bank's number of the transaction is the user data of both, and the counterpart their code.
    """
    row = posting.row
    transfers = [_transfer(bank, row, "row", row.counterpart, row.change_minor, ledger)]
    if posting.rounding_minor:
        rounding = (row, "rounding", Counterpart.ROUNDING, posting.rounding_minor)
        transfers.append(_transfer(bank, *rounding, ledger))
    return transfers


def _transfer(
    bank: str, row: BankRow, part: str, counterpart: Counterpart, change_minor: int, ledger: int
) -> Transfer:
    customer, other = customer_account_id(bank, row.account), counterpart_account_id(bank, counterpart)
    debit, credit = (other, customer) if change_minor >= 0 else (customer, other)
    return Transfer(
        id=_id(row.day, bank, part, row.transaction),
        debit_account_id=debit,
        credit_account_id=credit,
        amount=abs(change_minor),
        ledger=ledger,
        code=int(counterpart),
        user_data=row.transaction,
    )


def _id(day: date, *names: str | int) -> UUID:
    """Make an id of UUID version 7's form, with a digest of the names where others have random bits."""
    milliseconds = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1_000
    digest = hashlib.sha256("/".join(map(str, names)).encode()).digest()
    bits = int.from_bytes(digest[:10], "big")
    high, low = bits >> 62 & 0xFFF, bits & (1 << 62) - 1
    return UUID(int=milliseconds << 80 | _VERSION_7 | high << 64 | _VARIANT | low)
