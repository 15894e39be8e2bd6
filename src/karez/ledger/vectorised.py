"""A whole batch at once: numpy for what is certain to pass, one at a time for the rest.

A transfer is *certain* when it passes in whatever order its batch is evaluated and whichever of its
neighbours are refused. That holds for a plain or pending transfer with a new id and sound fields if both its
accounts are *ample*: the room of the account before the batch (up to its limit, and up to the 63 bits of a
total) is at least the sum of everything that the batch could take from it. Posts and voids never take room,
credits only give more of it, so ample accounts stay ample throughout.

Everything else (linked chains, balancing transfers, posts, voids, repeated ids, transfers on accounts that
are not ample) is *doubtful* and goes through ``SequentialBook`` in the batch's order. Certain transfers touch
only ample accounts and doubtful ones see them as ample, whichever come first; so the result equals the
sequential one.

Worked example: accounts A (limit, room 100) and B (limit, room 100); the batch is A->C 60, A->C 60, B->C 70.
B and C are ample (70 <= 100; C has no limit), A is not (120 > 100). B->C is applied by numpy; the two of A
run in order: the first passes, the second is refused.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from karez.ledger.batch import TRUSTED, Batch, Evaluation, Known
from karez.ledger.columns import AccountColumns
from karez.ledger.id_index import mix_ids
from karez.ledger.model import AMOUNT_MAX, AccountFlags, TransferFlags
from karez.ledger.sequential import (
    CREDITS_PENDING,
    CREDITS_POSTED,
    DEBITS_PENDING,
    DEBITS_POSTED,
    Event,
    Resolved,
    SequentialBook,
)

_LINKED = int(TransferFlags.LINKED)
_PENDING = int(TransferFlags.PENDING)
_SETTLING = int(TransferFlags.POST | TransferFlags.VOID)
_BALANCING = int(TransferFlags.BALANCING_DEBIT | TransferFlags.BALANCING_CREDIT)
_LOW_32 = np.int64(0xFFFF_FFFF)
_ID_MAX_HALF = np.uint64(2**64 - 1)


@dataclass(slots=True)
class _Fields:
    """Contiguous copies of the fields that every transfer needs: numpy is slow on strided ones."""

    amount: NDArray[np.int64]
    flags: NDArray[np.int32]
    id_hi: NDArray[np.uint64]
    id_lo: NDArray[np.uint64]


def evaluate(columns: AccountColumns, batch: Batch, known: Known) -> Evaluation:
    """Decide every transfer of a batch and apply the accepted ones to the columns.

    Args:
        columns: The accounts; changed in place, ``Evaluation.take_back`` undoes it.
        batch: The transfers in order.
        known: What is stored about ids that ``batch.maybe_known`` marks and about pending transfers that the
            batch settles.
    """
    transfers = batch.transfers
    fields = _Fields(
        np.ascontiguousarray(transfers["amount"]),
        np.ascontiguousarray(transfers["flags"]),
        np.ascontiguousarray(transfers["id_hi"]),
        np.ascontiguousarray(transfers["id_lo"]),
    )
    if len(batch) == 0:
        return _begin(batch)
    certain = _sound(columns, batch, fields)
    certain &= ~_repeated(batch, fields)
    certain &= _on_ample_accounts(columns, batch, fields)
    evaluation = _begin(batch)
    _apply_certain(columns, batch, fields, certain, 1)
    evaluation.undo.append(lambda: _apply_certain(columns, batch, fields, certain, -1))
    if not certain.all():
        _evaluate_doubtful(columns, batch, known, np.flatnonzero(~certain), evaluation)
    return evaluation


def evaluate_sequentially(columns: AccountColumns, batch: Batch, known: Known) -> Evaluation:
    """Do what ``evaluate`` does, one transfer at a time: its yardstick."""
    evaluation = _begin(batch)
    _evaluate_doubtful(columns, batch, known, np.arange(len(batch)), evaluation)
    return evaluation


def _begin(batch: Batch) -> Evaluation:
    return Evaluation(np.zeros(len(batch), np.uint8), batch.transfers, batch.debit, batch.credit)


def _sound(columns: AccountColumns, batch: Batch, fields: _Fields) -> NDArray[np.bool_]:
    """Mark plain and pending transfers whose own fields are in order."""
    transfers, debit, credit = batch.transfers, batch.debit, batch.credit
    if len(columns) == 0:
        return np.zeros(len(batch), bool)
    ledger = np.ascontiguousarray(transfers["ledger"])
    plain = fields.flags == 0
    pending = fields.flags == _PENDING
    sound = plain | pending
    sound[1:] &= ((fields.flags[:-1] & _LINKED) == 0) | batch.chain_end[:-1]
    sound &= (transfers["timeout_s"] == 0) | (pending & (transfers["timeout_s"] > 0))
    sound &= (fields.amount >= 0) & (transfers["user_data"] >= 0)
    sound &= (debit >= 0) & (credit >= 0) & (debit != credit)
    sound &= (transfers["pending_hi"] | transfers["pending_lo"]) == 0
    sound &= (fields.id_hi | fields.id_lo) != 0
    sound &= (fields.id_hi & fields.id_lo) != _ID_MAX_HALF
    sound &= (ledger != 0) & (transfers["code"] != 0)
    sound &= (columns.ledger[debit] == ledger) & (columns.ledger[credit] == ledger)
    sound &= (batch.institution == TRUSTED) | (batch.institution == columns.institution[debit])
    return sound


def _repeated(batch: Batch, fields: _Fields) -> NDArray[np.bool_]:
    """Mark transfers whose id may be stored, occurs again in the batch, or is settled in the batch."""
    repeated = batch.maybe_known.copy()
    hi, lo = fields.id_hi, fields.id_lo
    ascending = (hi[1:] > hi[:-1]) | ((hi[1:] == hi[:-1]) & (lo[1:] > lo[:-1]))
    settling = (fields.flags & _SETTLING) != 0
    if ascending.all() and not settling.any():
        return repeated
    mixed = mix_ids(hi, lo)
    order = np.argsort(mixed, kind="stable")
    same = mixed[order[1:]] == mixed[order[:-1]]
    repeated[order[1:][same]] = True
    repeated[order[:-1][same]] = True
    if settling.any():
        settled = mix_ids(
            np.ascontiguousarray(batch.transfers["pending_hi"][settling]),
            np.ascontiguousarray(batch.transfers["pending_lo"][settling]),
        )
        repeated |= np.isin(mixed, settled)
    return repeated


def _on_ample_accounts(columns: AccountColumns, batch: Batch, fields: _Fields) -> NDArray[np.bool_]:
    """Mark transfers of which both accounts have room for all that the batch could take."""
    balancing = (fields.flags & _BALANCING) != 0
    # The amount of a post or void comes out of what is already reserved: it takes no room.
    taking = np.where((fields.flags & _SETTLING) == 0, np.maximum(fields.amount, 0), 0)
    debit_ample = _ample(columns, batch.debit, taking, AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS)
    credit_ample = _ample(columns, batch.credit, taking, AccountFlags.CREDITS_MUST_NOT_EXCEED_DEBITS)
    short = np.zeros(len(columns) + 1, bool)
    short[batch.debit[~debit_ample]] = True
    short[batch.credit[~credit_ample]] = True
    # A balancing transfer reads the exact balance of its accounts, so their order matters.
    short[batch.debit[balancing]] = True
    short[batch.credit[balancing]] = True
    return ~(short[batch.debit] | short[batch.credit])


def _ample(
    columns: AccountColumns, slots: NDArray[np.int64], taking: NDArray[np.int64], limit: AccountFlags
) -> NDArray[np.bool_]:
    """Tell for each transfer whether the account on one side has room for the whole batch."""
    if limit == AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS:
        own, own_pending, other = DEBITS_POSTED, DEBITS_PENDING, CREDITS_POSTED
    else:
        own, own_pending, other = CREDITS_POSTED, CREDITS_PENDING, DEBITS_POSTED
    totals = columns.totals
    used = totals[own][slots] + totals[own_pending][slots]
    limited = (columns.flags[slots] & int(limit)) != 0
    room = np.where(limited, totals[other][slots] - used, AMOUNT_MAX - used)
    if float(room.min()) > 2 * float(taking.sum(dtype=np.float64)):
        # Even the whole batch on the fullest account would pass; the factor covers the rounding of floats.
        return np.ones(len(slots), bool)
    high, low = _sums(slots, taking, len(columns))
    return (high < room >> 32) | ((high == room >> 32) & (low <= (room & _LOW_32)))


def _sums(
    slots: NDArray[np.int64], taking: NDArray[np.int64], account_count: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sum the amounts by account exactly, as (upper 31 or more bits, lower 32 bits) for each transfer.

    Two 32-bit halves are summed apart, since whole amounts could exceed 63 bits within one batch.
    """
    if len(slots) == 0 or int(taking.max()) <= AMOUNT_MAX // len(slots):
        total = np.zeros(account_count + 1, np.int64)
        np.add.at(total, slots, taking)
        sums = total[slots]
        return sums >> 32, sums & _LOW_32
    high_total = np.zeros(account_count + 1, np.int64)
    low_total = np.zeros(account_count + 1, np.int64)
    np.add.at(high_total, slots, taking >> 32)
    np.add.at(low_total, slots, taking & _LOW_32)
    high, low = high_total[slots], low_total[slots]
    return high + (low >> 32), low & _LOW_32


def _apply_certain(
    columns: AccountColumns, batch: Batch, fields: _Fields, certain: NDArray[np.bool_], sign: int
) -> None:
    """Add the certain transfers to the totals, or with sign -1 take them out again."""
    for flags, debits, credits_ in (
        (0, DEBITS_POSTED, CREDITS_POSTED),
        (_PENDING, DEBITS_PENDING, CREDITS_PENDING),
    ):
        chosen = certain & (fields.flags == flags)
        every = bool(chosen.all())
        amount = sign * (fields.amount if every else fields.amount[chosen])
        np.add.at(columns.totals[debits], batch.debit if every else batch.debit[chosen], amount)
        np.add.at(columns.totals[credits_], batch.credit if every else batch.credit[chosen], amount)
        if every:
            return


def _evaluate_doubtful(
    columns: AccountColumns, batch: Batch, known: Known, doubtful: NDArray[np.int64], evaluation: Evaluation
) -> None:
    book = SequentialBook(columns, known)
    book.evaluate(events_of(batch, doubtful))
    undo = columns.remember(book.touched)
    book.flush()
    evaluation.undo.append(lambda: columns.restore(undo))
    evaluation.status[list(book.status)] = list(book.status.values())
    _fill_in(evaluation, list(book.resolved.values()))


def _fill_in(evaluation: Evaluation, resolved: list[Resolved]) -> None:
    """Write what the sequential part resolved into copies of the batch's arrays."""
    if not resolved:
        return
    index, amount, ledger, code, debit, credit = (list(column) for column in zip(*resolved, strict=True))
    evaluation.transfers = evaluation.transfers.copy()
    evaluation.debit, evaluation.credit = evaluation.debit.copy(), evaluation.credit.copy()
    evaluation.transfers["amount"][index] = amount
    evaluation.transfers["ledger"][index] = ledger
    evaluation.transfers["code"][index] = code
    evaluation.debit[index] = debit
    evaluation.credit[index] = credit


def events_of(batch: Batch, indexes: NDArray[np.int64]) -> list[Event]:
    """Turn some transfers of a batch into plain Python events, in the given order."""
    part = batch.transfers[indexes]
    ids = [
        [
            hi << 64 | lo
            for hi, lo in zip(part[name + "_hi"].tolist(), part[name + "_lo"].tolist(), strict=True)
        ]
        for name in ("id", "debit", "credit", "pending")
    ]
    plain = [part[name].tolist() for name in ("amount", "user_data", "ledger", "code", "flags", "timeout_s")]
    context = [
        column[indexes].tolist()
        for column in (batch.debit, batch.credit, batch.chain_end, batch.institution, batch.timestamp_ns)
    ]
    return list(map(Event, indexes.tolist(), *ids, *plain, *context))
