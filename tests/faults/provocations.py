"""For each planted bug the load and the faults that bring it to light soon, and what the harness then says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.faults.errands import (
    EVERY_ERRAND,
    Errand,
    carry_out,
    pay_one,
    reserve_and_settle,
    spend,
    spend_many,
    top_up,
)
from tests.faults.faults import Fault, Mix
from tests.faults.harness import Plan

_KILLS_MAX = 12
_LIMIT_S = 30.0
_BOOKKEEPER_KILLED: Mix = {Fault.BOOKKEEPER_KILLED: 1}


@dataclass(frozen=True, slots=True)
class Provocation:
    """How to bring a bug to light.

    Attributes:
        rules: The rules of which at least one must be found broken.
        errands: What the clients do.
        faults: What is done to the system.
    """

    rules: frozenset[str]
    errands: Sequence[Errand]
    faults: Mix


def provocation(rules: str, *errands: Errand, faults: Mix = _BOOKKEEPER_KILLED) -> Provocation:
    """Make one; the rules are separated by commas."""
    return Provocation(frozenset(rules.split(", ")), errands, faults)


PROVOCATIONS: Mapping[str, Provocation] = {
    # Few clients, so that the last answer is often the last for a while.
    "reply_before_commit": provocation("acknowledged transfer is missing", pay_one),
    "operation_stored_after_commit": provocation(
        "operation's transfers, operations_are_in_one_piece", *(carry_out,) * 8
    ),
    "epoch_not_checked": provocation(
        "replay", spend, spend_many, top_up, pay_one, faults={Fault.SECOND_WRITER: 1}
    ),
    "limits_without_order": provocation("replay", spend_many, top_up),
    "refused_ids_forgotten": provocation("refused transfer's id is not spent", spend, top_up),
    "recovery_without_replay": provocation("bookkeeper's balance", *EVERY_ERRAND),
    "recovery_forgets_what_is_behind": provocation(
        "bookkeeper's balance, balance_slices_agree_with_transfers", *EVERY_ERRAND
    ),
    "settlements_forgotten": provocation("replay, settlements_match_their_transfers", reserve_and_settle),
}


def plan_for(bug: str, seed: int) -> Plan:
    """Return the run that finds a planted bug.

    Args:
        bug: A name out of ``PROVOCATIONS``.
        seed: Of the run's dice.
    """
    chosen = PROVOCATIONS[bug]
    return Plan(
        _KILLS_MAX,
        seed,
        faults=chosen.faults,
        errands=chosen.errands,
        work_s=(0.2, 0.5),
        bug=bug,
        limit_s=_LIMIT_S,
    )
