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

import numpy as np
from numpy.typing import NDArray

from karez.ledger.batch import (
    AMOUNT,
    FLAGS_TIMEOUT,
    ID_HI,
    ID_LO,
    LEDGER_CODE,
    PENDING_HI,
    PENDING_LO,
    TRUSTED,
    USER_DATA,
    Batch,
    Evaluation,
    Known,
)
from karez.ledger.columns import AccountColumns
from karez.ledger.id_index import mix_ids
from karez.ledger.model import AMOUNT_MAX, AccountFlags, TransferFlags
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
_SETTLING = np.uint64(TransferFlags.POST | TransferFlags.VOID)
_BALANCING = np.uint64(TransferFlags.BALANCING_DEBIT | TransferFlags.BALANCING_CREDIT)
_LOW_32 = 0xFFFF_FFFF
_ALL_64 = np.uint64(2**64 - 1)
_SIGN = np.uint64(1 << 63)
_VECTORISED_FROM = 24
"""Below so many transfers numpy costs more than it saves."""


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
    words, debit, credit = batch.words, batch.debit, batch.credit
    flags, id_hi, id_lo = words[FLAGS_TIMEOUT], words[ID_HI], words[ID_LO]
    ledger, code = words[LEDGER_CODE].view(np.int32).reshape(-1, 2).T
    negative = words[AMOUNT] | words[USER_DATA] | debit.view(np.uint64) | credit.view(np.uint64)
    wrong = words[PENDING_HI] | words[PENDING_LO] | (negative & _SIGN)
    if flags.any():
        pending = (flags & np.uint64(_LOW_32)) == _PENDING
        wrong |= np.where(pending, flags & _SIGN, flags)
        wrong[1:][~batch.chain_end[:-1]] |= flags[:-1][~batch.chain_end[:-1]] & _LINKED
    sound = wrong == 0
    sound &= debit != credit
    sound &= ((id_hi | id_lo) != 0) & ((id_hi & id_lo) != _ALL_64)
    sound &= (ledger != 0) & (code != 0)
    sound &= (columns.ledger[debit] == ledger) & (columns.ledger[credit] == ledger)
    sound &= (batch.institution == TRUSTED) | (batch.institution == columns.institution[debit])
    return sound


def _repeated(batch: Batch) -> NDArray[np.bool_]:
    """Mark transfers whose id may be stored, occurs again in the batch, or is settled in the batch."""
    words = batch.words
    hi, lo = words[ID_HI], words[ID_LO]
    ascending = (hi[1:] > hi[:-1]) | ((hi[1:] == hi[:-1]) & (lo[1:] > lo[:-1]))
    settling = (words[FLAGS_TIMEOUT] & _SETTLING) != 0
    if ascending.all() and not settling.any():
        return batch.maybe_known
    repeated = batch.maybe_known.copy()
    mixed = mix_ids(hi, lo)
    order = np.argsort(mixed)
    same = mixed[order[1:]] == mixed[order[:-1]]
    repeated[order[1:][same]] = True
    repeated[order[:-1][same]] = True
    if settling.any():
        settled = mix_ids(words[PENDING_HI][settling], words[PENDING_LO][settling])
        repeated |= np.isin(mixed, settled)
    return repeated


def _on_ample_accounts(columns: AccountColumns, batch: Batch) -> NDArray[np.bool_]:
    """Mark transfers of which both accounts have room for all that the batch could take."""
    flags = batch.words[FLAGS_TIMEOUT]
    balancing = (flags & _BALANCING) != 0
    # The amount of a post or void comes out of what is already reserved: it takes no room.
    taking = np.where((flags & _SETTLING) == 0, np.maximum(batch.words[AMOUNT].view(np.int64), 0), 0)
    least = min(_debit_room(columns, batch.debit).min(), _credit_room(columns, batch.credit).min())
    if float(least) > 2 * float(taking.sum(dtype=np.float64)) and not balancing.any():
        # Even the whole batch on the fullest account would pass; the factor covers the rounding of floats.
        return np.ones(len(batch), bool)
    slots, places = np.unique(np.concatenate([batch.debit, batch.credit]), return_inverse=True)
    debit, credit = places[: len(batch)], places[len(batch) :]
    short = _exceeded(_debit_room(columns, slots), debit, taking)
    short |= _exceeded(_credit_room(columns, slots), credit, taking)
    # A balancing transfer reads the exact balance of its accounts, so their order matters.
    short[debit[balancing]] = True
    short[credit[balancing]] = True
    return ~(short[debit] | short[credit])


def _debit_room(columns: AccountColumns, slots: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how much more each account can be debited."""
    totals = columns.totals
    limited = (columns.flags[slots] & int(AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS)) != 0
    most = np.where(limited, totals[CREDITS_POSTED][slots], AMOUNT_MAX)
    return most - totals[DEBITS_POSTED][slots] - totals[DEBITS_PENDING][slots]


def _credit_room(columns: AccountColumns, slots: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how much more each account can be credited."""
    totals = columns.totals
    limited = (columns.flags[slots] & int(AccountFlags.CREDITS_MUST_NOT_EXCEED_DEBITS)) != 0
    most = np.where(limited, totals[DEBITS_POSTED][slots], AMOUNT_MAX)
    return most - totals[CREDITS_POSTED][slots] - totals[CREDITS_PENDING][slots]


def _exceeded(
    room: NDArray[np.int64], places: NDArray[np.int64], taking: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Tell for each account whether all that the batch could take is more than its room.

    Args:
        room: By account.
        places: For each transfer the place of its account in ``room``.
        taking: By transfer. Sums are kept in two halves of 32 bits, since whole ones could exceed 63 bits.
    """
    high, low = np.zeros((2, len(room)), np.int64)
    np.add.at(high, places, taking >> 32)
    np.add.at(low, places, taking & _LOW_32)
    high += low >> 32
    low &= _LOW_32
    return (high > room >> 32) | ((high == room >> 32) & (low > room & _LOW_32))


def _apply_certain(columns: AccountColumns, batch: Batch, certain: NDArray[np.bool_], sign: int) -> None:
    """Add the certain transfers to the totals, or with sign -1 take them out again."""
    amount = sign * batch.words[AMOUNT].view(np.int64)
    pending = (batch.words[FLAGS_TIMEOUT] & _PENDING) != 0
    for chosen, debits, credits_ in (
        (certain & ~pending, DEBITS_POSTED, CREDITS_POSTED),
        (certain & pending, DEBITS_PENDING, CREDITS_PENDING),
    ):
        if chosen.all():
            chosen = slice(None)
        np.add.at(columns.totals[debits], batch.debit[chosen], amount[chosen])
        np.add.at(columns.totals[credits_], batch.credit[chosen], amount[chosen])


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
