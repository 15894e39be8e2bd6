"""The bookkeeper: decides submissions in memory and commits them in groups, one transaction each.

A group is evaluated as one batch; then its transfers, rows, events and replies are committed together, and
only then does anybody get an answer. If a row of an operation cannot be written, that operation is refused,
the batch is taken back and evaluated again without it. An operation whose fate hangs on another one of its
group (same id, same row, same account) is *deferred*: the caller of ``commit`` hands it in again first.

Whatever goes wrong with the connection leaves the outcome unknown: the bookkeeper must then be thrown away,
and a new one recovers from the database.
"""

from collections.abc import Sequence
from enum import Enum
from types import TracebackType

import numpy as np
import psycopg

from karez.core.clock import Clock
from karez.core.ids import new_id
from karez.core.outcomes import Unavailable
from karez.ledger import persistence
from karez.ledger.admission import admit
from karez.ledger.array_parameters import take_arrays
from karez.ledger.book_state import BookState
from karez.ledger.columns import AccountColumns
from karez.ledger.contention import settle_rivals
from karez.ledger.group import Submission, SubmissionOutcome, TransferSubmission
from karez.ledger.group_commit import Unwritable, check_fence, commit_group, send_fence
from karez.ledger.id_filter import IdFilter
from karez.ledger.known_transfers import find_far
from karez.ledger.model import Transfer, TransferFlags, transfers_to_array
from karez.ledger.operations import Operation, Outcome
from karez.ledger.recovery import recover
from karez.ledger.slices import SlicePlan
from karez.ledger.writer import take_over

_EXPIRY_FLAGS = int(TransferFlags.VOID | TransferFlags.EXPIRY)
_EXPIRY_INTERVAL_NS = 1_000_000_000
_EXPIRIES_MAX = 4_096
_DUE = "SELECT pending_id FROM pending_deadline WHERE deadline_ns <= %s ORDER BY deadline_ns LIMIT %s"
_SESSION = """
SELECT set_config('lock_timeout', '500ms', false),
       set_config('plan_cache_mode', 'force_generic_plan', false),
       set_config('enable_seqscan', 'off', false),
       set_config('enable_hashjoin', 'off', false),
       set_config('enable_mergejoin', 'off', false),
       set_config('jit', 'off', false),
       CASE WHEN current_setting('synchronous_commit') IN ('off', 'local')
            THEN set_config('synchronous_commit', 'on', false) END
"""
"""No other session's lock may hold up the book, and an acknowledgement means durable, whatever is set.

PostgreSQL would compile the statements anew for every group, at more cost than they have themselves.
"""


class Deferral(Enum):
    """Marks a submission that must be handed in again with the next group."""

    DEFERRED = "deferred"


DEFERRED = Deferral.DEFERRED


class Bookkeeper:
    """The one writer of the book.

    Args:
        conninfo: libpq connection string of the bookkeeper's login role.
        clock: Where timestamps come from.

    Rejections: ``Unavailable("bookkeeper_running")`` while another bookkeeper is alive.
    """

    def __init__(self, conninfo: str, clock: Clock) -> None:
        connection = psycopg.connect(conninfo, autocommit=True, application_name="karez bookkeeper")
        connection.prepare_threshold = 1
        take_arrays(connection)
        try:
            tenure = take_over(connection)
            plan = SlicePlan()
            columns = recover(connection, tenure.replay_from_ns, plan)
            id_filter = IdFilter(tenure.newest_id.int, find_far(connection, tenure.newest_id))
            connection.execute(_SESSION)
        except BaseException:
            connection.close()
            raise
        self._state = BookState(connection, clock, tenure, columns, id_filter, plan, tenure.last_timestamp_ns)
        self._next_expiry_ns = 0

    def __enter__(self) -> "Bookkeeper":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def columns(self) -> AccountColumns:
        """The accounts as of the last commit; not to be changed."""
        return self._state.columns

    @property
    def epoch(self) -> int:
        """The number of this writer in the sequence of all writers."""
        return self._state.tenure.epoch

    def close(self) -> None:
        """Give up the writer's place."""
        self._state.connection.close()

    def commit(self, submissions: Sequence[Submission]) -> list[SubmissionOutcome | Deferral]:
        """Decide and commit a group; when this returns, every outcome is durable.

        Args:
            submissions: In the order in which they count; may be empty, to let reservations expire.

        Returns:
            One outcome for each submission.

        Rejections: ``Unavailable`` (disk full, ...): nothing of the group has happened. After any other
        error the outcome is unknown and this bookkeeper must not be used again.
        """
        admission = admit(self._state, submissions)
        outcomes = admission.outcomes
        expiries = self._due_expiries()
        group: list[Submission] = [submissions[index] for index in admission.live]
        if expiries is not None:
            commit_group(self._state, [expiries])
        if group:
            for index, outcome in zip(admission.live, self._commit_divided(group), strict=True):
                outcomes[index] = outcome
        settle_rivals(admission.rivals, outcomes, self._state.text_columns)
        return [DEFERRED if outcome is None else outcome for outcome in outcomes]

    def _commit_divided(self, group: list[Submission]) -> list[SubmissionOutcome | None]:
        """Commit a group; if PostgreSQL cannot store a value of it, halve it until the culprit stands alone."""
        try:
            return commit_group(self._state, group)
        except Unwritable as error:
            if len(group) > 1:
                half = len(group) // 2
                return self._commit_divided(group[:half]) + self._commit_later_half(group[half:])
            if not isinstance(group[0], Operation):
                raise
            sentence = f"The database cannot store a value of this operation ({error}); correct it."
            return [Outcome(accepted=False, code="operation_unwritable", sentence=sentence)]

    def _commit_later_half(self, group: list[Submission]) -> list[SubmissionOutcome | None]:
        """Commit a group after another one; if that is not possible now, it must be handed in again."""
        try:
            return self._commit_divided(group)
        except Unavailable:
            return [None] * len(group)

    def write_slices(self) -> None:
        """Bring every balance slice up to date, so that the next start has nothing to replay."""
        state = self._state
        dirty = state.plan.dirty()
        with state.connection.transaction():
            persistence.write_slices(state.connection, state.columns, dirty, state.last_ns)
            check_fence(send_fence(state, state.last_ns, dirty))
        state.plan.wrote(dirty)

    def _due_expiries(self) -> TransferSubmission | None:
        """Return voids for the reservations whose time is over, looked up once a second."""
        # A clock that was set back must not keep reservations alive that a post would find expired.
        now_ns = max(self._state.clock.now_ns(), self._state.last_ns)
        if now_ns < self._next_expiry_ns:
            return None
        due = self._state.connection.execute(_DUE, (now_ns, _EXPIRIES_MAX)).fetchall()
        if len(due) < _EXPIRIES_MAX:
            self._next_expiry_ns = now_ns + _EXPIRY_INTERVAL_NS
        if not due:
            return None
        voids = [Transfer(id=new_id(now_ns), pending_id=pending, flags=_EXPIRY_FLAGS) for (pending,) in due]
        return TransferSubmission(
            transfers_to_array(voids),
            np.zeros(len(voids), np.int32),
            np.ones(len(voids), bool),
            by_bookkeeper=True,
        )
