"""The rules of a transfer, one function for each kind of check; each returns the refusal or nothing.

They know no book: what a rule judges is passed to it. The order of the checks within a rule is the order in which
TigerBeetle names its refusals.
"""

from typing import NamedTuple

from karez.core.ids import is_derived
from karez.ledger.batch import TRUSTED, StoredTransfer
from karez.ledger.model import AMOUNT_MAX, CLIENT_FLAGS, CODE_MAX, ID_MAX, Status, TransferFlags

_PENDING = int(TransferFlags.PENDING)
_POST = int(TransferFlags.POST)
_VOID = int(TransferFlags.VOID)
_BALANCING_DEBIT = int(TransferFlags.BALANCING_DEBIT)
_BALANCING_CREDIT = int(TransferFlags.BALANCING_CREDIT)
_EXPIRY = int(TransferFlags.EXPIRY)
_SETTLING = _POST | _VOID
_BALANCING = _BALANCING_DEBIT | _BALANCING_CREDIT
_UNKNOWN_FLAGS = ~int(CLIENT_FLAGS | TransferFlags.EXPIRY)
_NOT_WITH_SETTLING = _PENDING | _BALANCING
_NANOSECONDS = 1_000_000_000

DEBITS_PENDING, DEBITS_POSTED, CREDITS_PENDING, CREDITS_POSTED = range(4)
"""Where the four totals stand in an account's list."""


class Event(NamedTuple):
    """One transfer as plain Python values; ids are 128-bit integers, slots -1 where nothing was found."""

    position: int
    id: int
    debit_id: int
    credit_id: int
    pending_id: int
    amount: int
    user_data: int
    ledger: int
    code: int
    flags: int
    timeout_s: int
    debit: int
    credit: int
    chain_end: bool
    institution: int
    timestamp_ns: int


def check_form(event: Event) -> Status | None:
    """Refuse flags without meaning, numbers out of range and reserved ids."""
    if event.flags & _UNKNOWN_FLAGS:
        return Status.RESERVED_FLAG
    if event.amount < 0 or event.user_data < 0 or event.timeout_s < 0 or not 0 <= event.code <= CODE_MAX:
        return Status.AMOUNT_OUT_OF_RANGE
    if event.id == 0:
        return Status.ID_MUST_NOT_BE_ZERO
    if event.id == ID_MAX:
        return Status.ID_MUST_NOT_BE_INT_MAX
    if event.institution != TRUSTED and is_derived(event.id):
        return Status.ID_RESERVED
    return None


def check_fields(event: Event) -> Status | None:
    """Refuse a plain or pending transfer whose fields cannot be right, whatever the accounts are."""
    if event.debit_id == 0:
        return Status.DEBIT_ACCOUNT_ID_MUST_NOT_BE_ZERO
    if event.debit_id == ID_MAX:
        return Status.DEBIT_ACCOUNT_ID_MUST_NOT_BE_INT_MAX
    if event.credit_id == 0:
        return Status.CREDIT_ACCOUNT_ID_MUST_NOT_BE_ZERO
    if event.credit_id == ID_MAX:
        return Status.CREDIT_ACCOUNT_ID_MUST_NOT_BE_INT_MAX
    if event.debit_id == event.credit_id:
        return Status.ACCOUNTS_MUST_BE_DIFFERENT
    if event.pending_id != 0:
        return Status.PENDING_ID_MUST_BE_ZERO
    if event.timeout_s != 0 and not event.flags & _PENDING:
        return Status.TIMEOUT_RESERVED_FOR_PENDING_TRANSFER
    if event.ledger == 0:
        return Status.LEDGER_MUST_NOT_BE_ZERO
    if event.code == 0:
        return Status.CODE_MUST_NOT_BE_ZERO
    return None


def check_settling_fields(event: Event) -> Status | None:
    """Refuse a post or void whose fields cannot be right, whatever it settles."""
    if event.flags & _SETTLING == _SETTLING or event.flags & _NOT_WITH_SETTLING:
        return Status.FLAGS_ARE_MUTUALLY_EXCLUSIVE
    if event.pending_id == 0:
        return Status.PENDING_ID_MUST_NOT_BE_ZERO
    if event.pending_id == ID_MAX:
        return Status.PENDING_ID_MUST_NOT_BE_INT_MAX
    if event.pending_id == event.id:
        return Status.PENDING_ID_MUST_BE_DIFFERENT
    if event.timeout_s != 0:
        return Status.TIMEOUT_RESERVED_FOR_PENDING_TRANSFER
    return None


def check_against_reserved(event: Event, reserved: StoredTransfer) -> Status | None:
    """Refuse a post or void that says something else than the transfer it settles."""
    if event.debit_id != 0 and event.debit != reserved.debit:
        return Status.PENDING_TRANSFER_HAS_DIFFERENT_DEBIT_ACCOUNT_ID
    if event.credit_id != 0 and event.credit != reserved.credit:
        return Status.PENDING_TRANSFER_HAS_DIFFERENT_CREDIT_ACCOUNT_ID
    if event.ledger not in (0, reserved.ledger):
        return Status.PENDING_TRANSFER_HAS_DIFFERENT_LEDGER
    if event.code not in (0, reserved.code):
        return Status.PENDING_TRANSFER_HAS_DIFFERENT_CODE
    return None


def check_totals(
    flags: int, amount: int, debit: list[int], credit: list[int], debits_limited: bool, credits_limited: bool
) -> Status | None:
    """Refuse what would leave the 63 bits of a total or the limit of an account."""
    if flags & _PENDING:
        if debit[DEBITS_PENDING] + amount > AMOUNT_MAX:
            return Status.OVERFLOWS_DEBITS_PENDING
        if credit[CREDITS_PENDING] + amount > AMOUNT_MAX:
            return Status.OVERFLOWS_CREDITS_PENDING
    if debit[DEBITS_POSTED] + amount > AMOUNT_MAX:
        return Status.OVERFLOWS_DEBITS_POSTED
    if credit[CREDITS_POSTED] + amount > AMOUNT_MAX:
        return Status.OVERFLOWS_CREDITS_POSTED
    debits = debit[DEBITS_PENDING] + debit[DEBITS_POSTED] + amount
    credits_ = credit[CREDITS_PENDING] + credit[CREDITS_POSTED] + amount
    if debits > AMOUNT_MAX:
        return Status.OVERFLOWS_DEBITS
    if credits_ > AMOUNT_MAX:
        return Status.OVERFLOWS_CREDITS
    if debits_limited and debits > debit[CREDITS_POSTED]:
        return Status.EXCEEDS_CREDITS
    if credits_limited and credits_ > credit[DEBITS_POSTED]:
        return Status.EXCEEDS_DEBITS
    return None


def balanced_amount(event: Event, debit: list[int], credit: list[int]) -> int:
    """Cut a balancing transfer to what the account has left."""
    amount = event.amount
    if event.flags & _BALANCING_DEBIT:
        left = debit[CREDITS_POSTED] - debit[DEBITS_POSTED] - debit[DEBITS_PENDING]
        amount = min(amount, max(left, 0))
    if event.flags & _BALANCING_CREDIT:
        left = credit[DEBITS_POSTED] - credit[CREDITS_POSTED] - credit[CREDITS_PENDING]
        amount = min(amount, max(left, 0))
    return amount


def settled_amount(flags: int, amount: int, reserved_amount: int) -> int:
    """Return what a post or void takes of the reserved amount."""
    whole = 0 if flags & _VOID else AMOUNT_MAX
    return reserved_amount if amount == whole else amount


def settled_by(flags: int) -> Status:
    """Return what a later post or void of the same pending transfer will be told."""
    if flags & _EXPIRY:
        return Status.PENDING_TRANSFER_EXPIRED
    return Status.PENDING_TRANSFER_ALREADY_POSTED if flags & _POST else Status.PENDING_TRANSFER_ALREADY_VOIDED


def is_expired(reserved: StoredTransfer, now_ns: int) -> bool:
    """Tell whether a pending transfer's time is over."""
    return reserved.timeout_s > 0 and reserved.timestamp_ns + reserved.timeout_s * _NANOSECONDS <= now_ns
