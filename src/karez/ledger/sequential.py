"""Transfers one at a time: the definition of what the ledger accepts.

``vectorised.py`` must always give the same statuses and balances; it calls this for whatever it cannot prove.
The order of the checks is the order in which TigerBeetle names its refusals.
"""

from collections.abc import Iterable
from typing import NamedTuple

from karez.ledger.batch import TRUSTED, Known, StoredTransfer
from karez.ledger.columns import AccountColumns
from karez.ledger.model import (
    AMOUNT_MAX,
    CLIENT_FLAGS,
    ID_MAX,
    TRANSIENT,
    AccountFlags,
    Status,
    TransferFlags,
)

_LINKED = int(TransferFlags.LINKED)
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
_DEBITS_LIMITED = int(AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS)
_CREDITS_LIMITED = int(AccountFlags.CREDITS_MUST_NOT_EXCEED_DEBITS)
_NANOSECONDS = 1_000_000_000

DEBITS_PENDING, DEBITS_POSTED, CREDITS_PENDING, CREDITS_POSTED = range(4)


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


class Resolved(NamedTuple):
    """An accepted transfer with what evaluation filled in."""

    position: int
    amount: int
    ledger: int
    code: int
    debit: int
    credit: int


class SequentialBook:
    """Evaluates events in order against the columns, holding the touched accounts until ``flush``.

    Args:
        columns: The accounts.
        known: What is stored about the ids that the events name.
    """

    def __init__(self, columns: AccountColumns, known: Known) -> None:
        self._columns = columns
        self._known = known
        self._totals: dict[int, list[int]] = {}
        self._new: dict[int, StoredTransfer] = {}
        self._failed: set[int] = set()
        self._settled: dict[int, Status] = {}
        self._chain: list[tuple[Event, Resolved]] | None = None
        self._chain_broken = False
        self.status: dict[int, Status] = {}
        self.resolved: dict[int, Resolved] = {}

    def evaluate(self, events: Iterable[Event]) -> None:
        """Give every event its status and apply the accepted ones."""
        for event in events:
            self._step(event)

    @property
    def touched(self) -> list[int]:
        """The slots whose totals ``flush`` will write."""
        return list(self._totals)

    def flush(self) -> None:
        """Write the totals of all touched accounts back to the columns."""
        if self._totals:
            self._columns.totals[:, list(self._totals)] = list(zip(*self._totals.values(), strict=True))

    def _step(self, event: Event) -> None:
        linked = event.flags & _LINKED
        if linked and self._chain is None:
            self._chain = []
        if linked and event.chain_end:
            outcome: Status | Resolved = Status.LINKED_EVENT_CHAIN_OPEN
        elif self._chain_broken:
            outcome = Status.LINKED_EVENT_FAILED
        else:
            outcome = self._create(event)
        if isinstance(outcome, Status):
            self.status[event.position] = outcome
            if self._chain is not None and not self._chain_broken:
                self._break_chain()
            if outcome in TRANSIENT:
                self._failed.add(event.id)
        else:
            self._accept(event, outcome)
        if self._chain is not None and (not linked or event.chain_end):
            self._chain = None
            self._chain_broken = False

    def _accept(self, event: Event, resolved: Resolved) -> None:
        self._apply(event, resolved, 1)
        stored = StoredTransfer(
            resolved.debit,
            resolved.credit,
            event.pending_id,
            resolved.amount,
            event.user_data,
            resolved.ledger,
            resolved.code,
            event.flags,
            event.timeout_s,
            event.timestamp_ns,
        )
        self._new[event.id] = stored
        self.status[event.position] = Status.CREATED
        self.resolved[event.position] = resolved
        if self._chain is not None:
            self._chain.append((event, resolved))

    def _break_chain(self) -> None:
        assert self._chain is not None
        for event, resolved in reversed(self._chain):
            self._apply(event, resolved, -1)
            del self._new[event.id]
            del self.resolved[event.position]
            self.status[event.position] = Status.LINKED_EVENT_FAILED
        self._chain_broken = True

    def _apply(self, event: Event, resolved: Resolved, sign: int) -> None:
        debit, credit = self._load(resolved.debit), self._load(resolved.credit)
        amount = sign * resolved.amount
        if event.flags & _SETTLING:
            reserved = self._find(event.pending_id)
            assert reserved is not None
            debit[DEBITS_PENDING] -= sign * reserved.amount
            credit[CREDITS_PENDING] -= sign * reserved.amount
            if event.flags & _POST:
                debit[DEBITS_POSTED] += amount
                credit[CREDITS_POSTED] += amount
            if sign > 0:
                self._settled[event.pending_id] = _settled_by(event.flags)
            else:
                del self._settled[event.pending_id]
        elif event.flags & _PENDING:
            debit[DEBITS_PENDING] += amount
            credit[CREDITS_PENDING] += amount
        else:
            debit[DEBITS_POSTED] += amount
            credit[CREDITS_POSTED] += amount

    def _load(self, slot: int) -> list[int]:
        totals = self._totals.get(slot)
        if totals is None:
            totals = self._totals[slot] = self._columns.totals[:, slot].tolist()
        return totals

    def _find(self, transfer_id: int) -> StoredTransfer | None:
        return self._new.get(transfer_id) or self._known.transfers.get(transfer_id)

    def _create(self, event: Event) -> Status | Resolved:
        refusal = _check_form(event)
        if refusal is not None:
            return refusal
        stored = self._find(event.id)
        if stored is not None:
            return self._compare(event, stored)
        if event.id in self._known.failed or event.id in self._failed:
            return Status.ID_ALREADY_FAILED
        if event.flags & _SETTLING:
            return self._settle(event)
        return _check_fields(event) or self._check_accounts(event)

    def _check_accounts(self, event: Event) -> Status | Resolved:
        columns = self._columns
        if event.debit < 0:
            return Status.DEBIT_ACCOUNT_NOT_FOUND
        if event.institution not in (TRUSTED, columns.institution[event.debit]):
            return Status.DEBIT_ACCOUNT_NOT_FOUND
        if event.credit < 0:
            return Status.CREDIT_ACCOUNT_NOT_FOUND
        if columns.ledger[event.debit] != columns.ledger[event.credit]:
            return Status.ACCOUNTS_MUST_HAVE_THE_SAME_LEDGER
        if event.ledger != columns.ledger[event.debit]:
            return Status.TRANSFER_MUST_HAVE_THE_SAME_LEDGER_AS_ACCOUNTS
        debit, credit = self._load(event.debit), self._load(event.credit)
        amount = _balanced_amount(event, debit, credit)
        refusal = _check_totals(
            event.flags,
            amount,
            debit,
            credit,
            bool(columns.flags[event.debit] & _DEBITS_LIMITED),
            bool(columns.flags[event.credit] & _CREDITS_LIMITED),
        )
        if refusal is not None:
            return refusal
        return Resolved(event.position, amount, event.ledger, event.code, event.debit, event.credit)

    def _settle(self, event: Event) -> Status | Resolved:
        refusal = _check_settling_fields(event)
        if refusal is not None:
            return refusal
        reserved = self._find(event.pending_id)
        if reserved is None or event.institution not in (
            TRUSTED,
            self._columns.institution[reserved.debit],
        ):
            return Status.PENDING_TRANSFER_NOT_FOUND
        if not reserved.flags & _PENDING:
            return Status.PENDING_TRANSFER_NOT_PENDING
        refusal = _check_against_reserved(event, reserved)
        if refusal is not None:
            return refusal
        amount = _settled_amount(event.flags, event.amount, reserved.amount)
        if amount > reserved.amount:
            return Status.EXCEEDS_PENDING_TRANSFER_AMOUNT
        if event.flags & _VOID and amount < reserved.amount:
            return Status.PENDING_TRANSFER_HAS_DIFFERENT_AMOUNT
        settled = self._settled.get(event.pending_id) or reserved.settled
        if settled is not None:
            return settled
        if _is_expired(reserved, event.timestamp_ns) and not event.flags & _EXPIRY:
            return Status.PENDING_TRANSFER_EXPIRED
        return Resolved(
            event.position, amount, reserved.ledger, reserved.code, reserved.debit, reserved.credit
        )

    def _compare(self, event: Event, stored: StoredTransfer) -> Status:
        if event.flags != stored.flags:
            return Status.EXISTS_WITH_DIFFERENT_FLAGS
        if event.pending_id != stored.pending_id:
            return Status.EXISTS_WITH_DIFFERENT_PENDING_ID
        if event.timeout_s != stored.timeout_s:
            return Status.EXISTS_WITH_DIFFERENT_TIMEOUT
        settling = bool(event.flags & _SETTLING)
        if event.debit != stored.debit and not (settling and event.debit_id == 0):
            return Status.EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT_ID
        if event.credit != stored.credit and not (settling and event.credit_id == 0):
            return Status.EXISTS_WITH_DIFFERENT_CREDIT_ACCOUNT_ID
        if self._amount_differs(event, stored):
            return Status.EXISTS_WITH_DIFFERENT_AMOUNT
        if event.user_data != stored.user_data:
            return Status.EXISTS_WITH_DIFFERENT_USER_DATA
        if event.ledger != stored.ledger and not (settling and event.ledger == 0):
            return Status.EXISTS_WITH_DIFFERENT_LEDGER
        if event.code != stored.code and not (settling and event.code == 0):
            return Status.EXISTS_WITH_DIFFERENT_CODE
        return Status.EXISTS

    def _amount_differs(self, event: Event, stored: StoredTransfer) -> bool:
        if event.flags & _SETTLING:
            reserved = self._find(event.pending_id)
            assert reserved is not None
            return _settled_amount(event.flags, event.amount, reserved.amount) != stored.amount
        if event.flags & _BALANCING:
            return event.amount < stored.amount
        return event.amount != stored.amount


def _check_form(event: Event) -> Status | None:
    if event.flags & _UNKNOWN_FLAGS:
        return Status.RESERVED_FLAG
    if event.amount < 0 or event.user_data < 0 or event.timeout_s < 0:
        return Status.AMOUNT_OUT_OF_RANGE
    if event.id == 0:
        return Status.ID_MUST_NOT_BE_ZERO
    if event.id == ID_MAX:
        return Status.ID_MUST_NOT_BE_INT_MAX
    return None


def _check_fields(event: Event) -> Status | None:
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


def _check_settling_fields(event: Event) -> Status | None:
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


def _check_against_reserved(event: Event, reserved: StoredTransfer) -> Status | None:
    if event.debit_id != 0 and event.debit != reserved.debit:
        return Status.PENDING_TRANSFER_HAS_DIFFERENT_DEBIT_ACCOUNT_ID
    if event.credit_id != 0 and event.credit != reserved.credit:
        return Status.PENDING_TRANSFER_HAS_DIFFERENT_CREDIT_ACCOUNT_ID
    if event.ledger not in (0, reserved.ledger):
        return Status.PENDING_TRANSFER_HAS_DIFFERENT_LEDGER
    if event.code not in (0, reserved.code):
        return Status.PENDING_TRANSFER_HAS_DIFFERENT_CODE
    return None


def _check_totals(
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


def _balanced_amount(event: Event, debit: list[int], credit: list[int]) -> int:
    """Cut a balancing transfer to what the account has left."""
    amount = event.amount
    if event.flags & _BALANCING_DEBIT:
        left = debit[CREDITS_POSTED] - debit[DEBITS_POSTED] - debit[DEBITS_PENDING]
        amount = min(amount, max(left, 0))
    if event.flags & _BALANCING_CREDIT:
        left = credit[DEBITS_POSTED] - credit[CREDITS_POSTED] - credit[CREDITS_PENDING]
        amount = min(amount, max(left, 0))
    return amount


def _settled_amount(flags: int, amount: int, reserved_amount: int) -> int:
    whole = 0 if flags & _VOID else AMOUNT_MAX
    return reserved_amount if amount == whole else amount


def _settled_by(flags: int) -> Status:
    if flags & _EXPIRY:
        return Status.PENDING_TRANSFER_EXPIRED
    return Status.PENDING_TRANSFER_ALREADY_POSTED if flags & _POST else Status.PENDING_TRANSFER_ALREADY_VOIDED


def _is_expired(reserved: StoredTransfer, now_ns: int) -> bool:
    return reserved.timeout_s > 0 and reserved.timestamp_ns + reserved.timeout_s * _NANOSECONDS <= now_ns
