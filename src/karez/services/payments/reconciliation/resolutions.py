"""What is done about a break: one person proposes an action, a second one approves or declines it.

Most actions settle the break's items and book the difference, so that the clearing account holds what the bank holds:

    book bank fee      clearing 2.00 less, fees 2.00 less
    post to suspense   clearing 100.00 more, suspense 100.00 more (money of a payer who is not known yet)
    give back          clearing 97.00 more, wallet 97.00 more (a payout that came back)

To query the bank settles nothing: the bank's next statements explain the break, or somebody proposes something else.
"""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from karez.core.outcomes import Rejected
from karez.ledger.model import Transfer
from karez.ledger.operations import Operation, RowUpdate, Scalar
from karez.services.asking import Asking
from karez.services.payments import accounts
from karez.services.payments.accounts import TransferCode
from karez.services.payments.banks.settlers import Effects
from karez.services.payments.house import House, money_moves
from karez.services.payments.reconciliation.break_states import Step, reached
from karez.services.payments.reconciliation.matching.breaks import ALLOWED, Action, BreakKind
from karez.services.payments.reconciliation.matching.items import Entry, Movement, differences
from karez.services.payments.reconciliation.records import BreakRecord
from karez.services.payments.reconciliation.runs import settling_rows

NOTE_LENGTH_MAX = 500


class BreakReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """A break after somebody has done something about it."""

    id: UUID
    state: str
    action: str


def propose(
    asking: Asking,
    break_: BreakRecord,
    movements: Sequence[Movement],
    entries: Sequence[Entry],
    action: Action,
    note: str,
) -> Operation:
    """Propose what to do about a break.

    Args:
        asking: The request of somebody of the operator's staff.
        break_: As it was read.
        movements: Its items, ours.
        entries: Its items, the bank's.
        action: What to do.
        note: Why, for whoever decides; may be empty.

    Rejections: ``break_state_wrong``, ``action_not_allowed``, ``action_does_not_fit``, ``note_too_long``.
    """
    state = reached(break_.standing, Step.PROPOSE)
    check_action(BreakKind(break_.kind), action, differences(movements, entries))
    if len(note) > NOTE_LENGTH_MAX or "\0" in note:
        raise Rejected(
            "note_too_long", f"A note has {NOTE_LENGTH_MAX} printable characters at most; shorten it."
        )
    changes: dict[str, Scalar] = {
        "state": state,
        "action": action,
        "note": note,
        "proposed_by": asking.actor,
        "proposed_ns": asking.now_ns,
        "decided_by": None,
        "decided_ns": None,
    }
    return asking.operation(
        "reconciliation.propose",
        BreakReceipt(id=break_.id, state=state, action=action),
        rows=(_changed(break_, changes),),
    )


def approve(
    asking: Asking,
    house: House,
    break_: BreakRecord,
    movements: Sequence[Movement],
    entries: Sequence[Entry],
    given_back: Effects | None = None,
) -> Operation:
    """Do what was proposed.

    Args:
        asking: The request of a second person.
        house: The payment house.
        break_: As it was read.
        movements: Its items, ours.
        entries: Its items, the bank's.
        given_back: What gives back that came back, of ``returns``; ``None`` where nothing of the sort is known.

    Rejections: ``break_state_wrong``, ``second_person_needed``, ``action_does_not_fit``, ``currency_not_open``; in
        the book ``row_state_changed`` where an item has been settled otherwise.
    """
    asks_bank = break_.action == Action.QUERY_BANK
    state = reached(break_.standing, Step.ASK_BANK if asks_bank else Step.APPROVE)
    _check_second_person(asking, break_)
    action = Action(break_.action or "")
    difference = differences(movements, entries)
    check_action(BreakKind(break_.kind), action, difference)
    row = _changed(break_, {"state": state, "decided_by": asking.actor, "decided_ns": asking.now_ns})
    effects = Effects()
    settled: tuple[RowUpdate, ...] = ()
    if action is Action.GIVE_BACK:
        if given_back is None:
            raise _does_not_fit(action, "no payout or withdrawal of Karez has this name and amount")
        effects = given_back
    elif not asks_bank:
        effects = Effects(transfers=_postings(asking, house, break_.institution, action, difference))
    if not asks_bank:
        settled = settling_rows(break_.institution, break_.id, action, asking.now_ns, movements, entries)
    told = {
        "bank": break_.institution,
        "break": break_.id,
        "kind": break_.kind,
        "reason": break_.reason,
        "difference_minor": difference,
    }
    concerned = (break_.institution,) if asks_bank else ()
    return asking.operation(
        "reconciliation.approve",
        BreakReceipt(id=break_.id, state=state, action=action),
        transfers=effects.transfers,
        rows=(row, *settled, *effects.rows),
        events=(asking.event(f"reconciliation.{action}", (), told, concerned), *effects.events),
    )


def decline(asking: Asking, break_: BreakRecord) -> Operation:
    """Refuse what was proposed; somebody may propose something else.

    Rejections: ``break_state_wrong``, ``second_person_needed``.
    """
    state = reached(break_.standing, Step.DECLINE)
    _check_second_person(asking, break_)
    row = _changed(break_, {"state": state, "decided_by": asking.actor, "decided_ns": asking.now_ns})
    return asking.operation(
        "reconciliation.decline",
        BreakReceipt(id=break_.id, state=state, action=break_.action or ""),
        rows=(row,),
    )


def check_action(kind: BreakKind, action: Action, difference: dict[str, int]) -> None:
    """Refuse an action that does not fit a break.

    Args:
        kind: Of the break.
        action: What somebody wants to do.
        difference: What the bank has more than the book, by currency.

    Rejections: ``action_not_allowed``, ``action_does_not_fit``.
    """
    if action not in ALLOWED[kind]:
        raise Rejected(
            "action_not_allowed",
            f"{action} is nothing to do about {kind}; choose from {', '.join(sorted(ALLOWED[kind]))}.",
        )
    amounts = difference.values()
    if action in (Action.CONFIRM_MATCH, Action.ACCEPT_DAY) and difference:
        raise _does_not_fit(action, "the sums of both sides differ")
    if action is Action.BOOK_BANK_FEE and not (amounts and all(amount < 0 for amount in amounts)):
        raise _does_not_fit(action, "the bank does not have less than is expected")
    if action in (Action.REFUND_PAYER, Action.GIVE_BACK) and not (
        amounts and all(amount > 0 for amount in amounts)
    ):
        raise _does_not_fit(action, "the bank does not have more than is expected")


def _does_not_fit(action: Action, why: str) -> Rejected:
    return Rejected("action_does_not_fit", f"{action} does not fit here: {why}; choose another action.")


def _check_second_person(asking: Asking, break_: BreakRecord) -> None:
    if asking.actor == break_.proposed_by:
        raise Rejected(
            "second_person_needed",
            "You have proposed this yourself; somebody else looks at it and approves or declines it.",
        )


def _postings(
    asking: Asking, house: House, bank: int, action: Action, difference: dict[str, int]
) -> tuple[Transfer, ...]:
    is_fee = action is Action.BOOK_BANK_FEE
    transfers = []
    for number, (code, amount_minor) in enumerate(sorted(difference.items())):
        currency = house.currency(code)
        clearing = accounts.clearing(bank, code)
        counter = accounts.fees(code) if is_fee else accounts.suspense(code)
        debit, credit = (clearing, counter) if amount_minor > 0 else (counter, clearing)
        transfers.append(
            money_moves(
                asking.made_id("posting", number),
                debit,
                credit,
                abs(amount_minor),
                currency.money,
                TransferCode.BANK_FEE if is_fee else TransferCode.BANK_DIFFERENCE,
            )
        )
    return tuple(transfers)


def _changed(break_: BreakRecord, changes: dict[str, Scalar]) -> RowUpdate:
    return RowUpdate(
        table="reconciliation_break",
        key={"institution": break_.institution, "id": str(break_.id)},
        expected={"state": break_.state, "proposed_ns": break_.proposed_ns},
        changes=changes,
    )
