"""What must always be true of the book, checked from the database alone.

Each invariant is a function from a connection to its violations. The list can be extended: a service adds its
own, such as that its open trades add up to its escrow account.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import psycopg

from karez.ledger.invariants.money import (
    balance_slices_agree_with_transfers,
    entries_agree_with_transfers,
    every_unit_sums_to_zero,
    no_limited_account_goes_beyond_its_limit,
    no_pending_total_is_negative,
)
from karez.ledger.invariants.order import (
    accepted_ids_are_not_spent,
    account_slots_are_dense,
    operations_are_in_one_piece,
    timestamps_are_unique_and_known_to_the_writer,
    transfers_join_accounts_of_their_unit,
)
from karez.ledger.invariants.reservations import (
    deadlines_belong_to_open_reservations,
    reservations_are_settled_at_most_once,
    settlements_match_their_transfers,
    settlements_stay_within_their_reservation,
)
from karez.ledger.invariants.violations import Violation

Invariant = Callable[[psycopg.Connection[Any]], list[Violation]]

INVARIANTS: tuple[Invariant, ...] = (
    every_unit_sums_to_zero,
    no_pending_total_is_negative,
    no_limited_account_goes_beyond_its_limit,
    balance_slices_agree_with_transfers,
    entries_agree_with_transfers,
    reservations_are_settled_at_most_once,
    settlements_match_their_transfers,
    settlements_stay_within_their_reservation,
    deadlines_belong_to_open_reservations,
    timestamps_are_unique_and_known_to_the_writer,
    accepted_ids_are_not_spent,
    operations_are_in_one_piece,
    account_slots_are_dense,
    transfers_join_accounts_of_their_unit,
)


class CheckResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one invariant.

    Attributes:
        name: The invariant's name.
        violations: Where it does not hold; the first hundred.
        duration_s: How long the check took.
    """

    name: str
    violations: list[Violation]
    duration_s: float


def check_book(
    connection: psycopg.Connection[Any], invariants: Sequence[Invariant] = INVARIANTS
) -> list[CheckResult]:
    """Check the book as it is at one moment, while work goes on.

    Args:
        connection: An autocommit connection of the worker's login role or of the owner.
        invariants: What to check.
    """
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        connection.execute("SET LOCAL work_mem = '64MB'")
        return [_check(connection, invariant) for invariant in invariants]


def _check(connection: psycopg.Connection[Any], invariant: Invariant) -> CheckResult:
    start_s = time.perf_counter()
    violations = invariant(connection)
    return CheckResult(
        name=invariant.__name__, violations=violations, duration_s=time.perf_counter() - start_s
    )
