"""Sorts out, before evaluation, what is answered already, what must wait, and what is refused for its form."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from karez.core.ids import is_derived
from karez.ledger.array_parameters import id_array
from karez.ledger.batch import TRUSTED
from karez.ledger.book_state import BookState
from karez.ledger.contention import Claim, Claims
from karez.ledger.group import Submission, SubmissionOutcome, TransferOutcome, TransferSubmission
from karez.ledger.model import ID_MAX, AccountFlags, NewAccount, Status, Transfer
from karez.ledger.operations import Operation, Outcome, RowUpdate
from karez.ledger.sentences import SENTENCES

_REPLIES = "SELECT id, fingerprint, reply FROM operation WHERE id = ANY(%s::uuid[])"
_UNITS = "SELECT number FROM unit"
_INSTITUTIONS = "SELECT number FROM institution"
_BOTH_LIMITS = int(AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS | AccountFlags.CREDITS_MUST_NOT_EXCEED_DEBITS)
_ACCOUNT_FLAGS = int(
    AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS
    | AccountFlags.CREDITS_MUST_NOT_EXCEED_DEBITS
    | AccountFlags.HISTORY
)
_MAX_63 = 2**63 - 1
_MAX_31 = 2**31 - 1
_MAX_16 = 2**16 - 1


@dataclass(frozen=True, slots=True)
class Admission:
    """How a group is split up.

    Attributes:
        outcomes: Those known by now, ``None`` elsewhere.
        live: Indexes of what goes on to evaluation. What has no outcome and is not live must wait for the next
            group, because an earlier operation of this one has the same id, row or account.
        rivals: Those of the waiting ones whose fate may be sealed by that operation's outcome.
    """

    outcomes: list[SubmissionOutcome | None]
    live: list[int]
    rivals: list[Claim]


def admit(state: BookState, submissions: Sequence[Submission]) -> Admission:
    """Split a group into what has its outcome, what goes on to evaluation, and what must wait."""
    outcomes: list[SubmissionOutcome | None] = [_check_form(state, each) for each in submissions]
    operations = [
        (index, each)
        for index, each in enumerate(submissions)
        if isinstance(each, Operation) and outcomes[index] is None
    ]
    claims = Claims()
    if not operations:
        return Admission(outcomes, [index for index, outcome in enumerate(outcomes) if outcome is None], [])
    _answer_repeated(state, operations, outcomes)
    live = []
    for index, each in enumerate(submissions):
        if outcomes[index] is not None:
            continue
        if isinstance(each, Operation):
            if each.accounts:
                outcomes[index] = _check_accounts(state, each)
            if outcomes[index] is not None or not claims.take(index, each):
                continue
        live.append(index)
    return Admission(outcomes, live, claims.rivals)


def _check_form(state: BookState, submission: Submission) -> SubmissionOutcome | None:
    """Answer at once what could never be written, so that it spoils no group."""
    if isinstance(submission, TransferSubmission):
        if len(submission.transfers) == 0:
            return TransferOutcome(np.zeros(0, np.uint8), state.last_ns)
        return None
    if not 0 <= submission.institution <= _MAX_31:
        return _refused("institution_not_found", f"There is no institution {submission.institution}.")
    for text in (submission.reply, *(event.payload for event in submission.events)):
        if not _is_text(text):
            return _refused("operation_malformed", "Reply and events of an operation must be JSON in UTF-8.")
    for item, transfer in enumerate(submission.transfers):
        if not _is_in_range(transfer):
            return _refused(Status.AMOUNT_OUT_OF_RANGE.code, SENTENCES[Status.AMOUNT_OUT_OF_RANGE], item)
    for item, row in enumerate(submission.rows):
        if not row.key or (isinstance(row, RowUpdate) and not row.changes.keys().isdisjoint(row.key)):
            return _refused("row_malformed", f"A row of {row.table} needs a key, which cannot change.", item)
    return None


def _is_text(raw: msgspec.Raw) -> bool:
    try:
        bytes(raw).decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_in_range(transfer: Transfer) -> bool:
    return (
        0 <= transfer.amount <= _MAX_63
        and 0 <= transfer.user_data <= _MAX_63
        and 0 <= transfer.code <= _MAX_16
        and 0 <= transfer.ledger <= _MAX_31
        and 0 <= transfer.flags <= _MAX_31
        and 0 <= transfer.timeout_s <= _MAX_31
    )


def _refused(code: str, sentence: str, item: int | None = None) -> Outcome:
    return Outcome(accepted=False, code=code, sentence=sentence, item=item)


def _answer_repeated(
    state: BookState, operations: list[tuple[int, Operation]], outcomes: list[SubmissionOutcome | None]
) -> None:
    ids = [operation.id.int for _, operation in operations]
    hi = np.array([id_ >> 64 for id_ in ids], np.uint64)
    lo = np.array([id_ & 2**64 - 1 for id_ in ids], np.uint64)
    maybe_known = state.filter.maybe_known(hi, lo)
    if not maybe_known.any():
        return
    asked = [operations[position] for position in np.flatnonzero(maybe_known).tolist()]
    stored = {
        id_: (bytes(fingerprint), reply)
        for id_, fingerprint, reply in state.connection.execute(
            _REPLIES, (id_array([operation.id for _, operation in asked]),)
        )
    }
    for index, operation in asked:
        if operation.id in stored:
            outcomes[index] = _repeated(operation, *stored[operation.id])


def _repeated(operation: Operation, fingerprint: bytes, reply: str) -> Outcome:
    if fingerprint != operation.fingerprint:
        return Outcome(
            accepted=False,
            code="id_used_for_another_request",
            sentence=f"The id {operation.id} was used for another request; send this one under a new id.",
        )
    return Outcome(accepted=True, repeated=True, reply=msgspec.Raw(reply.encode()))


def _check_accounts(state: BookState, operation: Operation) -> Outcome | None:
    seen: set[int] = set()
    for item, account in enumerate(operation.accounts):
        problem = _problem(state, operation, account, seen)
        if problem is not None:
            return Outcome(accepted=False, code=problem[0], sentence=problem[1], item=item)
        seen.add(account.id.int)
    return None


def _problem(
    state: BookState, operation: Operation, account: NewAccount, seen: set[int]
) -> tuple[str, str] | None:
    id_ = account.id.int
    if id_ in (0, ID_MAX) or (operation.institution != TRUSTED and is_derived(id_)):
        return "account_id_reserved", "This account id is reserved; use a new time-ordered UUID."
    if not 1 <= account.code <= 65_535:
        return "account_code_out_of_range", "An account's code is a number from 1 to 65535."
    if account.flags & ~_ACCOUNT_FLAGS:
        return "account_flags_unknown", "The account's flags contain a bit that has no meaning."
    if account.flags & _BOTH_LIMITS == _BOTH_LIMITS:
        return "account_flags_exclusive", "An account can limit its debits or its credits, not both."
    if not 0 <= account.user_data <= _MAX_63:
        return "account_user_data_out_of_range", "User data is a number from 0 to 9223372036854775807."
    if not _exists(state, account.ledger, state.units, _UNITS):
        return "unit_not_found", f"There is no unit with number {account.ledger}; create the unit first."
    if not _exists(state, account.institution, state.institutions, _INSTITUTIONS):
        return "institution_not_found", f"There is no institution with number {account.institution}."
    known = state.columns.index.find(np.array([id_ >> 64], np.uint64), np.array([id_ & 2**64 - 1], np.uint64))
    if id_ in seen or known[0] >= 0:
        return "account_exists", f"The account {account.id} exists already; read it, or use a new id."
    return None


def _exists(state: BookState, number: int, numbers: set[int], statement: str) -> bool:
    if number not in numbers:
        numbers.update(number for (number,) in state.connection.execute(statement))
    return number in numbers
