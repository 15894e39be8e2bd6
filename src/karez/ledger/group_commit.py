"""One group on its way: rounds of evaluation until every row is written, then the commit."""

from dataclasses import dataclass, field
from typing import cast

import numpy as np
import psycopg
from psycopg.pq import TransactionStatus

from karez.core.ids import id_at_or_after
from karez.core.outcomes import Unavailable
from karez.ledger import persistence
from karez.ledger.batch import Batch, Evaluation
from karez.ledger.book_state import BookState
from karez.ledger.group import (
    Group,
    Submission,
    SubmissionOutcome,
    TransferOutcome,
    TransferSubmission,
    make_group,
)
from karez.ledger.known_transfers import find_known, ids_to_uuids
from karez.ledger.model import TRANSIENT, Status, TransferFlags
from karez.ledger.operations import Operation, Outcome
from karez.ledger.row_changes import refuses_a_value, write_rows
from karez.ledger.sentences import SENTENCES
from karez.ledger.transfer_rows import OperationIds, write_transfers
from karez.ledger.vectorised import evaluate
from karez.ledger.writer import FENCE, Fenced

_SETTLING = np.uint64(TransferFlags.POST | TransferFlags.VOID)
_AHEAD_NS = 60_000_000_000
"""An id later than this from now is not from a clock that is a little fast."""
_TRANSIENT = np.isin(np.arange(256), list(TRANSIENT))


@dataclass(slots=True)
class Round:
    """One evaluation of those submissions of a group that are still in it.

    Attributes:
        alive: Their indexes in the group.
        opened_count: Accounts opened for it.
        last_ns: Timestamp of its last transfer; a group without transfers takes up one moment all the same.
        accepted: Indexes of the operations that pass.
        slices: Balance slices written with it.
    """

    alive: list[int]
    group: Group
    batch: Batch
    evaluation: Evaluation
    opened_count: int
    last_ns: int
    accepted: set[int]
    slices: list[int] = field(default_factory=list)


def commit_group(state: BookState, submissions: list[Submission]) -> list[SubmissionOutcome | None]:
    """Evaluate, write and commit; returns one outcome each, ``None`` for what must be handed in again.

    Rejections: ``Unavailable`` and ``Unwritable`` where nothing has happened; ``Fenced`` and
    ``psycopg.Error`` where the bookkeeper must stop.
    """
    refused: dict[int, Outcome] = {}
    leaning_on: dict[int, set[int]] = {}
    connection = state.connection
    while True:
        round_ = _evaluate(state, submissions, refused)
        try:
            newly_refused = _openers_refused(round_, leaning_on)
            if not newly_refused:
                newly_refused = _write_rows(state, submissions, round_, leaning_on)
            if not newly_refused:
                _write(state, submissions, round_)
                connection.execute("COMMIT")
                break
        except psycopg.Error as error:
            _take_back(state, round_)
            raise _failed(connection, error) from error
        _take_back(state, round_)
        refused |= newly_refused
    state.last_ns = round_.last_ns
    state.plan.wrote(round_.slices)
    return _outcomes(submissions, round_, refused, leaning_on)


def _evaluate(state: BookState, submissions: list[Submission], refused: dict[int, Outcome]) -> Round:
    """Open the accounts of the operations and evaluate all transfers as one batch."""
    alive = [index for index in range(len(submissions)) if index not in refused]
    group = make_group([submissions[index] for index in alive])
    operations = [each for each in group.submissions if isinstance(each, Operation)]
    accounts = [account for operation in operations for account in operation.accounts]
    if accounts:
        state.columns.open(accounts)
    transfers = group.transfers
    first_ns = max(state.clock.now_ns(), state.last_ns + 1)
    batch = group.batch(state.columns, state.filter, first_ns)
    settling = transfers.flagged(_SETTLING)
    known = find_known(
        state.connection,
        state.columns,
        ids_to_uuids(transfers.id_hi[batch.maybe_known], transfers.id_lo[batch.maybe_known]),
        ids_to_uuids(transfers.pending_hi[settling], transfers.pending_lo[settling]),
    )
    evaluation = evaluate(state.columns, batch, known)
    failed = set(group.operation_index[evaluation.status != Status.CREATED].tolist())
    accepted = {
        index
        for position, index in enumerate(alive)
        if isinstance(submissions[index], Operation) and position not in failed
    }
    last_ns = first_ns + max(len(batch), 1) - 1
    return Round(alive, group, batch, evaluation, len(accounts), last_ns, accepted)


def _take_back(state: BookState, round_: Round) -> None:
    round_.evaluation.take_back()
    if round_.opened_count:
        state.columns.close_last(round_.opened_count)


def _openers_refused(round_: Round, leaning_on: dict[int, set[int]]) -> dict[int, Outcome]:
    """Refuse operations that open accounts and do not pass: nobody may have used those accounts."""
    refused = {
        index: _transfer_refusal(round_, position)
        for position, index in enumerate(round_.alive)
        if index not in round_.accepted
        and isinstance(round_.group.submissions[position], Operation)
        and cast(Operation, round_.group.submissions[position]).accounts
    }
    for index in refused:
        leaning_on[index] = {other for other in round_.accepted if other < index}
    return refused


def _write_rows(
    state: BookState, submissions: list[Submission], round_: Round, leaning_on: dict[int, set[int]]
) -> dict[int, Outcome]:
    """Write the rows of the accepted operations; returns whose could not be, with nothing written then."""
    operations = [(index, cast(Operation, submissions[index])) for index in sorted(round_.accepted)]
    with_rows = [(index, operation.rows) for index, operation in operations if operation.rows]
    if not with_rows:
        return {}
    failures = write_rows(state.connection, with_rows)
    failed = {failure.operation for failure in failures}
    written = round_.accepted - {index for index, rows in with_rows if len(rows) == 1 and index in failed}
    for failure in failures:
        leaning_on[failure.operation] = {other for other in written if other < failure.operation}
    return {
        failure.operation: Outcome(
            accepted=False, code=failure.code, sentence=failure.sentence, item=failure.item
        )
        for failure in reversed(failures)
    }


def _write(state: BookState, submissions: list[Submission], round_: Round) -> None:
    """Write everything but the rows, and make sure that this is still the one writer."""
    connection, columns = state.connection, state.columns
    batch, evaluation, group = round_.batch, round_.evaluation, round_.group
    operations = [cast(Operation, submissions[index]) for index in sorted(round_.accepted)]
    created = evaluation.status == Status.CREATED
    created_count = int(np.count_nonzero(created))
    horizon = id_at_or_after(state.clock.now_ns() + _AHEAD_NS)
    state.filter.add(batch.transfers.id_hi, batch.transfers.id_lo, horizon)
    state.filter.add(*_halves([operation.id.int for operation in operations]), horizon)
    last_ns = round_.last_ns
    if created_count:
        changed = np.concatenate([evaluation.debit, evaluation.credit])
        if created_count < len(batch):
            changed = changed[np.concatenate([created, created])]
        state.plan.mark(changed, int(batch.timestamp_ns[0]))
    slices = round_.slices = state.plan.due(created_count, len(columns))
    with connection.pipeline():
        _begin(connection)
        fence = send_fence(state, last_ns, slices)
        persistence.write_accounts(connection, operations, len(columns) - round_.opened_count, last_ns)
        persistence.write_operations(connection, operations, last_ns)
        persistence.write_reservations(connection, batch, evaluation)
        if created_count < len(batch):
            spent = _TRANSIENT[evaluation.status] & (group.operation_index < 0)
            persistence.write_spent_ids(connection, evaluation, spent, last_ns)
        persistence.write_slices(connection, columns, slices, last_ns)
    check_fence(fence)
    if created_count:
        operation_ids = _operation_ids(group) if operations else None
        write_transfers(connection, columns, batch, evaluation, created, operation_ids)


def _begin(connection: psycopg.Connection) -> None:
    """Begin the transaction, unless the rows of operations have begun it."""
    if connection.info.transaction_status == TransactionStatus.IDLE:
        connection.execute("BEGIN")


def send_fence(state: BookState, last_ns: int, slices: list[int]) -> psycopg.Cursor:
    """Update the writer's row under this writer's epoch; ``check_fence`` tells whether that was possible."""
    replay_from_ns = state.plan.replay_from_ns(last_ns, slices)
    return state.connection.execute(FENCE, (last_ns, replay_from_ns, state.newest_id, state.tenure.epoch))


def check_fence(fence: psycopg.Cursor) -> None:
    """Make sure that this is still the one writer, before anything is committed.

    Rejections: ``Fenced`` if a newer one has taken over.
    """
    if fence.rowcount != 1:
        raise Fenced("A newer bookkeeper has taken over; this one stops without committing.")


def _operation_ids(group: Group) -> OperationIds:
    ids = [each.id.int if isinstance(each, Operation) else 0 for each in group.submissions]
    hi, lo = _halves([*ids, 0])
    return hi[group.operation_index], lo[group.operation_index]


def _halves(ids: list[int]) -> tuple[np.ndarray, np.ndarray]:
    return (
        np.array([id_ >> 64 for id_ in ids], np.uint64),
        np.array([id_ & 2**64 - 1 for id_ in ids], np.uint64),
    )


class Unwritable(Exception):
    """PostgreSQL refuses a value of the group, and would again: nothing of the group has happened."""


def _failed(connection: psycopg.Connection, error: psycopg.Error) -> Exception:
    """Roll back where that is possible; otherwise the outcome is unknown and the error goes on."""
    if connection.closed or connection.broken:
        return error
    connection.execute("ROLLBACK")
    if refuses_a_value(error):
        return Unwritable(error.diag.message_primary or str(error))
    return Unavailable(
        "book_not_writable",
        f"The database could not commit ({error.diag.message_primary or error}); nothing has happened, repeat"
        " the request with the same id once the operator has repaired it.",
        retry_after_s=5,
    )


def _transfer_refusal(round_: Round, position: int) -> Outcome:
    first, end = round_.group.spans[position]
    status = round_.evaluation.status[first:end]
    decisive = [
        item
        for item, value in enumerate(status.tolist())
        if value not in (Status.CREATED, Status.LINKED_EVENT_FAILED)
    ]
    refusal = Status(int(status[decisive[0]]))
    return Outcome(accepted=False, code=refusal.code, sentence=SENTENCES[refusal], item=decisive[0])


def _outcomes(
    submissions: list[Submission],
    round_: Round,
    refused: dict[int, Outcome],
    leaning_on: dict[int, set[int]],
) -> list[SubmissionOutcome | None]:
    outcomes: list[SubmissionOutcome | None] = []
    position_of = {index: position for position, index in enumerate(round_.alive)}
    for index, submission in enumerate(submissions):
        if index in refused:
            # A row refused because of an operation that was itself refused later deserves another try.
            sure = leaning_on.get(index, set()) <= round_.accepted
            outcomes.append(refused[index] if sure else None)
            continue
        position = position_of[index]
        first, end = round_.group.spans[position]
        if isinstance(submission, TransferSubmission):
            outcomes.append(
                TransferOutcome(
                    round_.evaluation.status[first:end], int(round_.batch.timestamp_ns[0]) + first
                )
            )
        elif index in round_.accepted:
            outcomes.append(Outcome(accepted=True, reply=submission.reply))
        else:
            outcomes.append(_transfer_refusal(round_, position))
    return outcomes
