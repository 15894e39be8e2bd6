"""A whole batch at once: numpy for what is certain to pass, one at a time for the rest.

A transfer is *certain* when it passes in whatever order its batch is evaluated and whichever of its
neighbours are refused. That holds for a plain or pending transfer with a new id and sound fields, and for a
linked chain of such, if all its accounts are *ample*: the room of the account before the batch (up to its
limit, and up to the 63 bits of a total) is at least the sum of everything that the batch could take from it.
Posts and voids never take room, credits only give more of it, so ample accounts stay ample throughout.

Everything else (balancing transfers, posts, voids, repeated ids, transfers on accounts that are not ample,
and the whole chain of one that is doubtful) is *doubtful* and goes through ``SequentialBook`` in the batch's
order. Certain transfers touch only ample accounts and doubtful ones see them as ample, whichever come first;
so the result equals the sequential one.

Worked example: accounts A (limit, room 100) and B (limit, room 100); the batch is A->C 60, A->C 60, B->C 70.
B and C are ample (70 <= 100; C has no limit), A is not (120 > 100). B->C is applied by numpy; the two of A
run in order: the first passes, the second is refused.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from karez.core.ids import DERIVED_KIND, KIND_MASK
from karez.ledger.batch import TRUSTED, Batch, Evaluation, Known
from karez.ledger.columns import AccountColumns
from karez.ledger.id_index import mix_ids
from karez.ledger.model import AMOUNT_MAX, CODE_MAX, AccountFlags, TransferFlags
from karez.ledger.sequential import Resolved, SequentialBook
from karez.ledger.transfer_rules import (
    CREDITS_PENDING,
    CREDITS_POSTED,
    DEBITS_PENDING,
    DEBITS_POSTED,
    Event,
)

_LINKED = np.uint64(TransferFlags.LINKED)
_PENDING = np.uint64(TransferFlags.PENDING)
_NOT_OF_PENDING = np.uint64(1 << 63 | 2**32 - 1) & ~(_LINKED | _PENDING)
"""Of flags and timeout: all flags but those that a pending transfer may have, and the timeout's sign."""
_SETTLING = np.uint64(TransferFlags.POST | TransferFlags.VOID)
_BALANCING = np.uint64(TransferFlags.BALANCING_DEBIT | TransferFlags.BALANCING_CREDIT)
_LOW_32 = 0xFFFF_FFFF
_ALL_64 = np.uint64(2**64 - 1)
_SIGN = np.uint64(1 << 63)
_KIND_MASK_HI, _KIND_MASK_LO = np.uint64(KIND_MASK >> 64), np.uint64(KIND_MASK & 2**64 - 1)
_DERIVED_HI, _DERIVED_LO = np.uint64(DERIVED_KIND >> 64), np.uint64(DERIVED_KIND & 2**64 - 1)
_VECTORISED_FROM = 24
"""Below so many transfers numpy costs more than it saves."""


class _Side(NamedTuple):
    """The totals that take up an account's room on one side, and what limits them."""

    pending: int
    posted: int
    opposite: int
    limit: int


_DEBITS = _Side(
    DEBITS_PENDING, DEBITS_POSTED, CREDITS_POSTED, int(AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS)
)
_CREDITS = _Side(
    CREDITS_PENDING, CREDITS_POSTED, DEBITS_POSTED, int(AccountFlags.CREDITS_MUST_NOT_EXCEED_DEBITS)
)


def evaluate(columns: AccountColumns, batch: Batch, known: Known) -> Evaluation:
    """Decide every transfer of a batch and apply the accepted ones to the columns.

    Args:
        columns: The accounts; changed in place, ``Evaluation.take_back`` undoes it.
        batch: The transfers in order.
        known: What is stored about ids that ``batch.maybe_known`` marks and about pending transfers that the
            batch settles.
    """
    if len(batch) < _VECTORISED_FROM:
        return evaluate_sequentially(columns, batch, known)
    certain = _sound(columns, batch)
    certain &= ~_repeated(batch)
    certain &= _on_ample_accounts(columns, batch)
    certain = _whole_chains(batch, certain)
    evaluation = _begin(batch)
    _apply_certain(columns, batch, certain, 1)
    evaluation.undo.append(lambda: _apply_certain(columns, batch, certain, -1))
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


def _sound(columns: AccountColumns, batch: Batch) -> NDArray[np.bool_]:
    """Mark plain and pending transfers whose own fields are in order."""
    transfers, debit, credit = batch.transfers, batch.debit, batch.credit
    form, id_hi, id_lo, ledger = transfers.form, transfers.id_hi, transfers.id_lo, transfers.ledger
    wrong = transfers.pending_hi | transfers.pending_lo
    wrong |= (transfers.amount | transfers.user_data | debit | credit).view(np.uint64) & _SIGN
    if not transfers.plain:
        pending = (form & _PENDING) != 0
        wrong |= np.where(pending, form & _NOT_OF_PENDING, form & ~_LINKED)
    sound: NDArray[np.bool_] = wrong == 0
    sound &= debit != credit
    sound &= (id_hi | id_lo) != 0
    sound &= (id_hi & id_lo) != _ALL_64
    sound &= ledger != 0
    sound &= (transfers.code > 0) & (transfers.code <= CODE_MAX)
    sound &= columns.ledger[debit] == ledger
    sound &= columns.ledger[credit] == ledger
    derived = (id_hi & _KIND_MASK_HI == _DERIVED_HI) & (id_lo & _KIND_MASK_LO == _DERIVED_LO)
    own = (batch.institution == columns.institution[debit]) & ~derived
    sound &= (batch.institution == TRUSTED) | own
    return sound


def _repeated(batch: Batch) -> NDArray[np.bool_]:
    """Mark transfers whose id may be stored, occurs again in the batch, or is settled in the batch."""
    transfers = batch.transfers
    hi, lo = transfers.id_hi, transfers.id_lo
    ascending = (hi[1:] > hi[:-1]) | ((hi[1:] == hi[:-1]) & (lo[1:] > lo[:-1]))
    settling = transfers.flagged(_SETTLING)
    if ascending.all() and not settling.any():
        return batch.maybe_known
    repeated = batch.maybe_known.copy()
    mixed = mix_ids(hi, lo)
    order = np.argsort(mixed)
    same = mixed[order[1:]] == mixed[order[:-1]]
    repeated[order[1:][same]] = True
    repeated[order[:-1][same]] = True
    if settling.any():
        settled = mix_ids(transfers.pending_hi[settling], transfers.pending_lo[settling])
        repeated |= np.isin(mixed, settled)
    return repeated


def _on_ample_accounts(columns: AccountColumns, batch: Batch) -> NDArray[np.bool_]:
    """Mark transfers of which both accounts have room for all that the batch could take."""
    transfers = batch.transfers
    taking = np.maximum(transfers.amount, 0)
    # The amount of a post or void comes out of what is already reserved: it takes no room.
    taking[transfers.flagged(_SETTLING)] = 0
    balancing = transfers.flagged(_BALANCING)
    debit_room, credit_room = _room(columns, batch.debit, _DEBITS), _room(columns, batch.credit, _CREDITS)
    if float(min(debit_room.min(), credit_room.min())) <= 2 * float(taking.sum(dtype=np.float64)):
        debit_short = _exceeded(columns, batch.debit, taking, debit_room)
        credit_short = _exceeded(columns, batch.credit, taking, credit_room)
    elif balancing.any():
        debit_short = credit_short = np.zeros(len(batch), bool)
    else:
        # Even the whole batch on the fullest account would pass; the factor covers the rounding of floats.
        return np.ones(len(batch), bool)
    # A balancing transfer reads the exact balance of its accounts, so their order matters.
    debit_short |= balancing
    credit_short |= balancing
    short = columns.scratch
    short[batch.debit[debit_short]] = 1
    short[batch.credit[credit_short]] = 1
    ample: NDArray[np.bool_] = (short[batch.debit] | short[batch.credit]) == 0
    short[batch.debit] = short[batch.credit] = 0
    return ample


def _whole_chains(batch: Batch, certain: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Mark the transfers whose whole chain is certain; one that is in no chain is one by itself."""
    linked = batch.transfers.flagged(_LINKED)
    if not linked.any():
        return certain
    closed = certain & ~(linked & batch.chain_end)
    is_first = np.ones(len(batch), bool)
    is_first[1:] = ~linked[:-1] | batch.chain_end[:-1]
    first = np.flatnonzero(is_first)
    whole: NDArray[np.bool_] = np.logical_and.reduceat(closed, first).repeat(
        np.diff(first, append=len(batch))
    )
    return whole


def _room(columns: AccountColumns, slots: NDArray[np.int64], side: _Side) -> NDArray[np.int64]:
    """Return how much more each account can take on one side."""
    totals = columns.totals
    limited = (columns.flags[slots] & side.limit) != 0
    room: NDArray[np.int64] = np.where(limited, totals[side.opposite][slots], AMOUNT_MAX)
    room -= totals[side.posted][slots]
    room -= totals[side.pending][slots]
    return room


def _exceeded(
    columns: AccountColumns, slots: NDArray[np.int64], taking: NDArray[np.int64], room: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Tell for each transfer whether all that the batch could take from its account is more than the room."""
    exceeded: NDArray[np.bool_]
    if int(taking.max()) <= AMOUNT_MAX // len(taking):
        exceeded = _sums(columns, slots, taking) > room
        return exceeded
    # Sums in two halves of 32 bits, since whole ones could exceed 63 bits.
    low = _sums(columns, slots, taking & _LOW_32)
    high = _sums(columns, slots, taking >> 32) + (low >> 32)
    exceeded = (high > room >> 32) | ((high == room >> 32) & (low & _LOW_32 > room & _LOW_32))
    return exceeded


def _sums(columns: AccountColumns, slots: NDArray[np.int64], values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each transfer the sum of the values of all transfers on the same account."""
    np.add.at(columns.scratch, slots, values)
    sums = columns.scratch[slots]
    columns.scratch[slots] = 0
    return sums


def _apply_certain(columns: AccountColumns, batch: Batch, certain: NDArray[np.bool_], sign: int) -> None:
    """Add the certain transfers to the totals, or with sign -1 take them out again."""
    amount = sign * batch.transfers.amount
    pending = batch.transfers.flagged(_PENDING)
    for chosen, debits, credits_ in (
        (certain & ~pending, DEBITS_POSTED, CREDITS_POSTED),
        (certain & pending, DEBITS_PENDING, CREDITS_PENDING),
    ):
        these = slice(None) if chosen.all() else np.flatnonzero(chosen)
        np.add.at(columns.totals[debits], batch.debit[these], amount[these])
        np.add.at(columns.totals[credits_], batch.credit[these], amount[these])
        if chosen.all():
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
    if batch.transfers.flagged(_SETTLING | _BALANCING)[doubtful].any():
        _fill_in(columns, evaluation, list(book.resolved.values()))


def _fill_in(columns: AccountColumns, evaluation: Evaluation, resolved: list[Resolved]) -> None:
    """Write what the sequential part resolved into copies of the batch's arrays."""
    if not resolved:
        return
    index, amount, ledger, code, debit, credit = (list(column) for column in zip(*resolved, strict=True))
    transfers = evaluation.transfers = evaluation.transfers.copy()
    evaluation.debit, evaluation.credit = evaluation.debit.copy(), evaluation.credit.copy()
    evaluation.debit[index], evaluation.credit[index] = debit, credit
    transfers.amount[index], transfers.ledger[index], transfers.code[index] = amount, ledger, code
    hi, lo = columns.index.hi, columns.index.lo
    transfers.debit_hi[index], transfers.debit_lo[index] = hi[debit], lo[debit]
    transfers.credit_hi[index], transfers.credit_lo[index] = hi[credit], lo[credit]


def events_of(batch: Batch, indexes: NDArray[np.int64]) -> list[Event]:
    """Turn some transfers of a batch into plain Python events, in the given order."""
    words = batch.transfers.words[:, indexes].tolist()
    ids = [[hi << 64 | lo for hi, lo in zip(*words[row : row + 2], strict=True)] for row in (0, 2, 4, 6)]
    transfers = batch.transfers
    columns = (
        transfers.amount,
        transfers.user_data,
        transfers.ledger,
        transfers.code,
        transfers.flags,
        transfers.timeout_s,
        batch.debit,
        batch.credit,
        batch.chain_end,
        batch.institution,
        batch.timestamp_ns,
    )
    return list(map(Event, indexes.tolist(), *ids, *(column[indexes].tolist() for column in columns)))
