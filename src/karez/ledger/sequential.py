"""Transfers one at a time: the definition of what the ledger accepts.

``vectorised.py`` must always give the same statuses and balances; it calls this for whatever it cannot prove.
What each check says is in ``transfer_rules.py``; here is their order, and what an accepted transfer changes.
"""

from collections.abc import Iterable
from typing import NamedTuple

from karez.ledger.batch import TRUSTED, Known, StoredTransfer
from karez.ledger.columns import AccountColumns
from karez.ledger.model import (
    TRANSIENT,
    AccountFlags,
    Status,
    TransferFlags,
)
from karez.ledger.transfer_rules import (
    CREDITS_PENDING,
    CREDITS_POSTED,
    DEBITS_PENDING,
    DEBITS_POSTED,
    Event,
    balanced_amount,
    check_against_reserved,
    check_fields,
    check_form,
    check_settling_fields,
    check_totals,
    is_expired,
    settled_amount,
    settled_by,
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
_DEBITS_LIMITED = int(AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS)
_CREDITS_LIMITED = int(AccountFlags.CREDITS_MUST_NOT_EXCEED_DEBITS)


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
                self._settled[event.pending_id] = settled_by(event.flags)
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
        refusal = check_form(event)
        if refusal is not None:
            return refusal
        stored = self._find(event.id)
        if stored is not None:
            return self._compare(event, stored)
        if event.id in self._known.failed or event.id in self._failed:
            return Status.ID_ALREADY_FAILED
        if event.flags & _SETTLING:
            return self._settle(event)
        return check_fields(event) or self._check_accounts(event)

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
        amount = balanced_amount(event, debit, credit)
        refusal = check_totals(
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
        refusal = check_settling_fields(event)
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
        refusal = check_against_reserved(event, reserved)
        if refusal is not None:
            return refusal
        amount = settled_amount(event.flags, event.amount, reserved.amount)
        if amount > reserved.amount:
            return Status.EXCEEDS_PENDING_TRANSFER_AMOUNT
        if event.flags & _VOID and amount < reserved.amount:
            return Status.PENDING_TRANSFER_HAS_DIFFERENT_AMOUNT
        settled = self._settled.get(event.pending_id) or reserved.settled
        if settled is not None:
            return settled
        if is_expired(reserved, event.timestamp_ns) and not event.flags & _EXPIRY:
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
            return settled_amount(event.flags, event.amount, reserved.amount) != stored.amount
        if event.flags & _BALANCING:
            return event.amount < stored.amount
        return event.amount != stored.amount
