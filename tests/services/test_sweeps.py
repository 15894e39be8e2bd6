"""How due things are carried out, with a book that answers as it is told."""

import asyncio
from typing import Any, cast

import pytest

from karez.core.clock import SimulatedClock
from karez.core.ids import new_id
from karez.ledger.operations import Operation, Outcome
from karez.services.asking import Asking
from karez.services.sweeps import Due, Sweep, sweep_once

NOW_NS = 1_700_000_000_000_000_000


class TellingBook:
    """Gives every operation the same outcome and keeps them."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self.operations: list[Operation] = []

    async def submit(self, operation: Operation) -> Outcome:
        self.operations.append(operation)
        return self.outcome


def carried_out(outcome: Outcome, count: int = 1) -> tuple[list[Operation], list[int], int]:
    """Sweep once over so many due things; return what the book was asked, when it was decided, and what was done."""
    moments: list[int] = []

    def decide(asking: Asking) -> Operation:
        moments.append(asking.now_ns)
        return asking.operation("thing.do", {})

    def otherwise(asking: Asking, _: Operation, __: Outcome) -> Operation:
        return asking.operation("thing.fail", {})

    due = [Due(new_id(NOW_NS), NOW_NS - 1, decide, otherwise) for _ in range(count)]
    book = TellingBook(outcome)
    sweep = Sweep("thing.do", lambda _conn, _now_ns, _limit: due)
    done = asyncio.run(sweep_once(cast(Any, None), book, SimulatedClock(NOW_NS), [sweep]))
    return book.operations, moments, done


@pytest.mark.parametrize(
    "code",
    ["row_state_changed", "row_exists", "row_locked", "account_exists", "pending_transfer_already_posted"],
)
def test_a_lost_race_is_no_failure_of_what_is_due(code: str) -> None:
    operations, _, done = carried_out(Outcome(accepted=False, code=code))
    assert [each.kind for each in operations] == ["thing.do"]
    assert done == 0


def test_a_refusal_is_recorded() -> None:
    operations, _, _ = carried_out(Outcome(accepted=False, code="exceeds_credits"))
    assert [each.kind for each in operations] == ["thing.do", "thing.fail"]


def test_what_happens_in_one_sweep_happens_at_moments_that_can_be_told_apart() -> None:
    _, moments, done = carried_out(Outcome(accepted=True), 500)
    assert len(set(moments)) == 500 == done
    assert min(moments) >= NOW_NS


def test_a_repetition_counts_as_nothing() -> None:
    assert carried_out(Outcome(accepted=True, repeated=True))[2] == 0
